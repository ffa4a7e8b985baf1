"""Plots of the report, as images to embed in a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.judging.baselines import BASELINES
from training.judging.calibration import Calibration
from training.judging.judgement import RANGE_NAMES, Judgement
from training.metrics import METRICS

_FONT = 10
_ABS_REL = METRICS.index("abs_rel")


def data_uri(figure: Figure, kind: str, **options: Any) -> str:
    """A figure as the data URI of an ``<img>``; ``kind`` is svg or jpeg."""
    file = io.BytesIO()
    figure.savefig(file, format=kind, **options)
    mime = "svg+xml" if kind == "svg" else kind
    return f"data:image/{mime};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def plot_pictures(judgements: Sequence[Judgement]) -> str:
    """Cumulative share of images by AbsRel, one curve per predictor."""
    figure, axes = _figure(1)
    for judgement, style in _styled(judgements):
        values = judgement.per_picture[judgement.ranked(), _ABS_REL].numpy()
        shares = np.arange(1, len(values) + 1) / len(values)
        axes[0].step(values, 100 * shares, where="post", **style)
    axes[0].set(xlabel="AbsRel of a picture", ylabel="pictures with at most that, %")
    axes[0].set_xlim(left=0)
    axes[0].set_ylim(0, 101)
    return _with_legend(figure, axes[0])


def plot_ranges(judgements: Sequence[Judgement]) -> str:
    """RMSE and AbsRel of the pixels of each range of true depth."""
    figure, axes = _figure(2)
    for judgement, style in _styled(judgements):
        groups = judgement.by_range
        places = [RANGE_NAMES.index(name) for name in groups]
        for axis, metric in zip(axes, ("rmse", "abs_rel"), strict=True):
            values = [group.metrics[metric] for group in groups.values()]
            axis.plot(places, values, marker="o", markersize=4, **style)
    for axis, label in zip(axes, ("RMSE, m", "AbsRel"), strict=True):
        axis.set_xticks(range(len(RANGE_NAMES)), RANGE_NAMES)
        axis.set_xlim(-0.3, len(RANGE_NAMES) - 0.7)
        axis.set(xlabel="true depth", ylabel=label)
        axis.set_ylim(bottom=0)
    return _with_legend(figure, axes[0])


def plot_scenes(judgements: Sequence[Judgement]) -> str:
    """AbsRel of the images of each scene type, the hardest for the first judgement on top."""
    first = judgements[0].by_scene
    names = sorted(first, key=lambda name: first[name].metrics["abs_rel"])
    figure, axes = _figure(1, height=1.2 + 0.22 * len(names))
    for judgement, style in _styled(judgements):
        groups = judgement.by_scene
        values = [groups[name].metrics["abs_rel"] for name in names]
        marked = {"linestyle": "none", "marker": "o", "markersize": 5}
        axes[0].plot(values, range(len(names)), **{**style, **marked})
    labels = [f"{name.replace('_', ' ')} ({first[name].size})" for name in names]
    axes[0].set_yticks(range(len(names)), labels)
    axes[0].set(xlabel="AbsRel, mean of the pictures")
    axes[0].set_xlim(left=0)
    return _with_legend(figure, axes[0])


def plot_calibration(judgements: Sequence[Judgement]) -> str:
    """Reliability, and error against the share of pixels that remain."""
    figure, axes = _figure(2)
    for judgement, style in _styled(judgements):
        if judgement.calibration is not None:
            _plot_reliability(axes[0], judgement.calibration, style)
            _plot_retention(axes[1], judgement.calibration, style)
    axes[0].axline((0, 0), slope=1, color="black", linewidth=0.8, linestyle=":", label="ideal")
    axes[0].plot([], [], color="0.35", linestyle="--", linewidth=1, label="least possible error")
    axes[0].set(xlabel="predicted standard deviation, m", ylabel="RMSE found, m")
    axes[1].set(xlabel="most certain pixels that stay, %", ylabel="their RMSE, m")
    for axis in axes:
        axis.set_xlim(left=0)
        axis.set_ylim(bottom=0)
    return _with_legend(figure, axes[0])


def _plot_reliability(axis: Axes, calibration: Calibration, style: dict[str, Any]) -> None:
    axis.plot(calibration.predicted, calibration.found, marker="o", markersize=4, **style)


def _plot_retention(axis: Axes, calibration: Calibration, style: dict[str, Any]) -> None:
    percent = 100 * calibration.retained
    axis.plot(percent, calibration.rmse, **style)
    axis.plot(percent, calibration.oracle, **{**style, "linestyle": "--", "linewidth": 1})


def _figure(columns: int, height: float = 3.4) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(9.6, height), layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for axis in axes:
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _with_legend(figure: Figure, axis: Axes) -> str:
    """The figure, with a line for each label of ``axis`` below it, where it hides nothing.

    Long names make the figure wider; none is cut off.
    """
    figure.legend(
        *axis.get_legend_handles_labels(),
        loc="upper left",
        bbox_to_anchor=(0, 0),
        frameon=False,
        fontsize=_FONT,
    )
    return data_uri(figure, "svg", bbox_inches="tight")


def _styled(judgements: Sequence[Judgement]) -> list[tuple[Judgement, dict[str, Any]]]:
    """How each is drawn: models in colours, predictors without a network in grey."""
    colours, greys = cycle(colormaps["tab10"](range(10))), cycle(("0.35", "0.6"))
    styled = []
    for judgement in judgements:
        known = judgement.model in BASELINES
        style = {"color": next(greys), "linestyle": "--"} if known else {"color": next(colours)}
        styled.append((judgement, {**style, "label": judgement.model}))
    return styled
