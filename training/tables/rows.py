"""What each row of the paper's tables is made of, and the paper's figures for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from training.depthclip import SEVEN_WORDS, TEN_WORDS, Backbone, DepthWords


@dataclass(frozen=True)
class Trained:
    """The paper's recipe with some values changed.

    Attributes:
        changes: new values of the configuration, by their dotted names.
        hires: with the network's large input instead of the small one.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    hires: bool = False


@dataclass(frozen=True)
class ZeroShot:
    """DepthCLIP's head over a frozen backbone; nothing is trained."""

    backbone: Backbone
    words: DepthWords


@dataclass(frozen=True)
class NoNetwork:
    """The two predictors that only know the training set's mean depth."""


@dataclass(frozen=True)
class TableRow:
    """One row.

    Attributes:
        key: short name, for ``--rows``.
        title: as the table prints it.
        run: name of the folder that it is made in; identical rows share it.
        method: how it is made.
        depth: which of its depth maps is judged.
        paper: the paper's figures by metric name; empty where the paper has no such row.
        note: what the row means where the paper is silent.
    """

    key: str
    title: str
    run: str
    method: Trained | ZeroShot | NoNetwork
    depth: str = "fused"
    paper: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Rows, and the metrics that the paper gives for them."""

    title: str
    metrics: tuple[str, ...]
    rows: tuple[TableRow, ...]


_ALL = ("d1", "d2", "d3", "abs_rel", "log10", "rmse")
_SHORT = ("abs_rel", "rmse", "d1")

_NO_NETWORK = tuple(
    TableRow(key, name, "no-network", NoNetwork(), depth=name, note=note)
    for key, name, note in (
        (
            "mean",
            "mean depth",
            "no network: what does not beat it has learned nothing. Of 2,000 training pictures, "
            "spread evenly, where there are more.",
        ),
        ("mean-pixel", "mean depth per pixel", "likewise."),
    )
)
_NO_ADAPTERS: dict[str, Any] = {"model.network.moa_layers": []}
_TEN_BINS = {"model.network.num_bins": 10}
_PAPER_RUN = "paper"


def _experts(count: int) -> tuple[str, Trained]:
    """Folder and recipe with ten bins and this many experts."""
    if count == 4:
        return "bins-10", Trained(_TEN_BINS)
    return f"bins-10-experts-{count}", Trained({**_TEN_BINS, "model.network.num_experts": count})


def _bins(count: int) -> tuple[str, Trained]:
    """Folder and recipe with four experts and this many bins."""
    if count == 128:
        return _PAPER_RUN, Trained()
    return f"bins-{count}", Trained({"model.network.num_bins": count})


def _figures(names: tuple[str, ...], *values: float) -> dict[str, float]:
    return dict(zip(names, values, strict=True))


_TABLE_1 = (
    TableRow(
        "depthclip-7",
        "DepthCLIP, ResNet-50, 7 bins",
        "depthclip-7",
        ZeroShot("RN50-quickgelu", SEVEN_WORDS),
        depth="-",
        note="zero-shot, with the words and depths of DepthCLIP's public code. Its authors publish "
        "δ .394 / .683 / .851, AbsRel .388, RMSE 1.167, over rows 56 to 471 and columns 60 to 601, "
        "which it predicts; here the whole Eigen crop counts, 6.3 % more pixels, which take the "
        "nearest depth.",
    ),
    TableRow(
        "depthclip-10",
        "DepthCLIP, ResNet-50, 10 bins",
        "depthclip-10",
        ZeroShot("RN50-quickgelu", TEN_WORDS),
        depth="-",
        paper=_figures(_ALL, 0.390, 0.680, 0.848, 0.393, 0.158, 1.176),
        note="zero-shot; the paper says 10 bins and does not list them, so words and depths are "
        "this project's.",
    ),
    TableRow(
        "baseline",
        "our baseline, ViT-B/32, 10 bins",
        "baseline",
        ZeroShot("ViT-B-32-quickgelu", TEN_WORDS),
        depth="-",
        paper=_figures(_ALL, 0.417, 0.701, 0.890, 0.377, 0.147, 1.096),
        note="the same head and prompts over ViT-B/32's projected patches, nothing trained. The "
        "paper does not say whether its row is.",
    ),
    TableRow(
        "composite",
        "+ composite loss, 10 bins",
        "bins-10-no-adapters",
        Trained({**_TEN_BINS, **_NO_ADAPTERS}),
        paper=_figures(_ALL, 0.503, 0.791, 0.925, 0.310, 0.121, 0.843),
        note="both heads over features and scene context, the last four blocks learn, no adapters. "
        "The paper's figures of its first three rows stand in an earlier public work, too, to the "
        "digit, with another loss (SILog, gradients, SSIM, L1), depth that ended at 3 m, and "
        "pictures were median-scaled and cropped otherwise.",
    ),
    TableRow(
        "moa",
        "+ MoA, 10 bins",
        *_experts(4),
        paper=_figures(_ALL, 0.508, 0.797, 0.931, 0.308, 0.120, 0.821),
        note="the same network as K = 4 of Table 2, for which the paper has other figures.",
    ),
    TableRow(
        "moa-depthclip",
        "MoA-DepthCLIP, 128 bins",
        *_bins(128),
        paper=_figures(_ALL, 0.745, 0.841, 0.895, 0.321, 0.098, 0.520),
        note="the paper's recipe, whole, with the flip of the configuration `paper`. An AbsRel of "
        ".321 beside an RMSE of .520 m is implausible on NYU Depth V2, and it is not the best of "
        "the table in AbsRel and δ3, as the paper says of all metrics: take its figures as a band.",
    ),
)
_TABLE_2 = tuple(
    TableRow(f"k{count}", f"K = {count}", *_experts(count), paper=_figures(_SHORT, *figures))
    for count, figures in {
        1: (0.394, 0.560, 0.660),
        2: (0.396, 0.559, 0.661),
        4: (0.396, 0.561, 0.661),
        8: (0.395, 0.557, 0.665),
        16: (0.395, 0.558, 0.661),
    }.items()
)
_TABLE_3 = tuple(
    TableRow(f"n{count}", f"N = {count}", *_bins(count), paper=_figures(_SHORT, *figures))
    for count, figures in {
        40: (0.327, 0.522, 0.737),
        64: (0.329, 0.534, 0.730),
        128: (0.321, 0.521, 0.745),
        180: (0.323, 0.532, 0.735),
        200: (0.329, 0.541, 0.717),
    }.items()
)
_PARTS = (
    TableRow("whole", "MoA-DepthCLIP, 128 bins", *_bins(128)),
    TableRow(
        "no-context",
        "without the scene context",
        "no-context",
        Trained({"model.network.scene_context": False}),
        note="the context is the same for every picture, so in a linear head it is a bias: this "
        "row can differ by the course of the training alone.",
    ),
    TableRow(
        "adapters-only",
        "frozen backbone, adapters only",
        "adapters-only",
        Trained({"model.network.trainable_blocks": 0}),
    ),
    TableRow("blocks-only", "last four blocks, no adapters", "no-adapters", Trained(_NO_ADAPTERS)),
    TableRow(
        "heads-only",
        "frozen backbone, no adapters",
        "heads-only",
        Trained({**_NO_ADAPTERS, "model.network.trainable_blocks": 0}),
        note="linear heads over CLIP as it is.",
    ),
    TableRow(
        "cross-entropy",
        "cross entropy alone",
        "cross-entropy",
        Trained({"model.loss.l1": 0.0, "model.loss.silog": 0.0}),
        depth="binned",
        note="the regression is not supervised, so the binned depth is judged.",
    ),
    *(
        TableRow(
            f"{spacing}-bins",
            f"{spacing} bins from 0.5 m",
            f"{spacing}-bins",
            Trained({"model.network.bin_spacing": spacing, "model.network.min_depth": 0.5}),
        )
        for spacing in ("log", "sid")
    ),
    TableRow("hires", "large input", "hires", Trained(hires=True)),
)

TABLES = {
    "1": Table("Table 1: the parts, one by one", _ALL, _NO_NETWORK + _TABLE_1),
    "2": Table("Table 2: number of experts, 10 bins", _SHORT, _NO_NETWORK + _TABLE_2),
    "3": Table("Table 3: number of bins, 4 experts", _SHORT, _NO_NETWORK + _TABLE_3),
    "parts": Table("Each part left out (not in the paper)", _ALL, _NO_NETWORK + _PARTS),
}
