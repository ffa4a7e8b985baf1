"""The best, the median and the worst image of a model, to look at."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray
from torch.utils.data import Dataset

from moa_depth_ros.pictures.drawing import COLOUR_MAP
from training.data.sample import Sample
from training.judging.judgement import Judgement
from training.judging.plots import data_uri
from training.judging.predictors import Predictor
from training.metrics import MAX_DEPTH, METRICS, MIN_DEPTH

_ERROR_MAP = "inferno"
_HIGHEST = 99
"""Percentile at which a scale ends, so that single pixels don't stretch it."""


@dataclasses.dataclass(frozen=True)
class Exhibit:
    """One image with what is known of it; maps are (H, W) float32 metres.

    Attributes:
        rank: best, median or worst; of another model, if one is named.
        index: number of the image in its data set.
        scene: its scene type.
        metrics: of the image, by name.
        colour: (H, W, 3) uint8 RGB.
        truth: NaN where there is no reading.
        depth: predicted.
        uncertainty: predicted standard deviation; None where there is none.
    """

    rank: str
    index: int
    scene: str
    metrics: dict[str, float]
    colour: NDArray[np.uint8]
    truth: NDArray[np.float32]
    depth: NDArray[np.float32]
    uncertainty: NDArray[np.float32] | None

    @property
    def title(self) -> str:
        """Which image it is, and how large its error."""
        return (
            f"{self.rank}: picture {self.index}, {self.scene.replace('_', ' ')}\n"
            f"AbsRel {self.metrics['abs_rel']:.3f}, RMSE {self.metrics['rmse']:.2f} m, "
            f"δ1 {self.metrics['d1']:.3f}"
        )


@torch.inference_mode()
def exhibits(
    predictor: Predictor,
    judgement: Judgement,
    pictures: Dataset[Sample],
    device: torch.device,
    first: Judgement,
) -> list[Exhibit]:
    """Predict the images with the lowest, the median and the highest AbsRel once more.

    Args:
        predictor: the one that was judged.
        judgement: its result.
        pictures: images that it was judged on, in their order.
        device: of the predictor.
        first: result of the first predictor in the report, whose images every other one shows,
            too, so that they can be compared.
    """
    places = _extremes(judgement)
    if first is not judgement:
        own = set(places.values())
        others = {f"{rank} of {first.model}": place for rank, place in _extremes(first).items()}
        places |= {rank: place for rank, place in others.items() if place not in own}
    return [
        _exhibit(rank, pictures[place], predictor, judgement, place, device)
        for rank, place in places.items()
    ]


def _extremes(judgement: Judgement) -> dict[str, int]:
    ranked = judgement.ranked()
    return {"best": ranked[0], "median": ranked[len(ranked) // 2], "worst": ranked[-1]}


def _exhibit(
    rank: str,
    sample: Sample,
    predictor: Predictor,
    judgement: Judgement,
    place: int,
    device: torch.device,
) -> Exhibit:
    truth = sample["depth"]
    picture = sample["picture"].to(device).unsqueeze(0)
    predicted = predictor(picture, [sample["index"]], (truth.shape[0], truth.shape[1]))
    unsure = predicted.uncertainty
    return Exhibit(
        rank,
        sample["index"],
        sample["scene"],
        dict(zip(METRICS, judgement.per_picture[place].tolist(), strict=True)),
        sample["picture"].permute(1, 2, 0).numpy(),
        truth.where((truth > MIN_DEPTH) & (truth < MAX_DEPTH), torch.nan).numpy(),
        predicted.depths[judgement.depth][0].clamp(MIN_DEPTH, MAX_DEPTH).cpu().numpy(),
        None if unsure is None else unsure[0].cpu().numpy(),
    )


def draw(shown: Sequence[Exhibit]) -> str:
    """Images below each other, as a JPEG to embed in a page.

    Each row has a scale in metres for both depths and one for error and uncertainty.
    """
    columns = 4 if shown[0].uncertainty is None else 5
    figure = Figure(figsize=(3.2 * columns, 2.75 * len(shown)), layout="constrained")
    rows = figure.subplots(len(shown), columns, squeeze=False)
    for exhibit, axes in zip(shown, rows, strict=True):
        _draw_row(figure, axes, exhibit)
    titles = ("truth", "prediction", "absolute error", "uncertainty")
    for axis, title in zip(rows[0][1:], titles, strict=False):
        axis.set_title(title, fontsize=10)
    return data_uri(figure, "jpeg", dpi=100, pil_kwargs={"quality": 85})


def _draw_row(figure: Figure, axes: Sequence[Axes], exhibit: Exhibit) -> None:
    error = np.abs(exhibit.depth - exhibit.truth)
    axes[0].imshow(exhibit.colour)
    axes[0].set_title(exhibit.title, fontsize=10, loc="left")
    near, far = np.nanpercentile(exhibit.truth, (100 - _HIGHEST, _HIGHEST))
    depths = [
        _draw_map(axis, depth, COLOUR_MAP, near, far)
        for axis, depth in zip(axes[1:3], (exhibit.truth, exhibit.depth), strict=True)
    ]
    figure.colorbar(depths[0], ax=axes[2], label="m")
    highest = np.nanpercentile(error, _HIGHEST)
    errors = _draw_map(axes[3], error, _ERROR_MAP, 0, highest)
    if exhibit.uncertainty is not None:
        _draw_map(axes[4], exhibit.uncertainty, _ERROR_MAP, 0, highest)
    figure.colorbar(errors, ax=axes[-1], label="m")
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])


def _draw_map(
    axis: Axes, values: NDArray[np.float32], colours: str, low: float, high: float
) -> AxesImage:
    """A map in metres; black where it has no value, as nothing is drawn there."""
    axis.set_facecolor("black")
    return axis.imshow(values, cmap=colours, vmin=low, vmax=high)
