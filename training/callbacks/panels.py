"""A panel of validation images after each validation: input, truth, predictions and error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from numpy.typing import NDArray
from torch.utils.data import Dataset, default_collate

from moa_depth_ros.pictures.drawing import colour_depth, colour_uncertainty
from moa_depth_ros.pictures.files import write_picture
from training.module import DepthModule
from training.resizing import prepare_pictures

COLUMNS = ("colour", "truth", "binned", "regressed", "fused", "uncertainty", "error")
PICTURES = 4
DEVIATION_SCALE = 2.0
"""Metres at the bright end of uncertainty and error: the same in every epoch and every run."""
_TILE_WIDTH, _TITLE_HEIGHT = 224, 20


class PicturePanels(Callback):
    """Draws the same few validation images after each validation, as PNG and for TensorBoard.

    Args:
        folder: where the PNGs go.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def on_validation_end(self, trainer: Trainer, pl_module: DepthModule) -> None:
        """Draw; only in the first process, and not in Lightning's check before training."""
        if trainer.sanity_checking or trainer.fast_dev_run or not trainer.is_global_zero:
            return
        panel = draw_panel(predict_rows(pl_module, trainer.datamodule.val_set))
        write_picture(self.folder / f"epoch-{trainer.current_epoch:03d}.png", panel)
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image("panel", panel, trainer.global_step, dataformats="HWC")


class PanelRow(NamedTuple):
    """One image with its truth and everything that the network predicts for it.

    Attributes:
        colour: (H, W, 3) uint8 RGB.
        truth: (H, W) metres, 0 where there is no reading; the network's four maps are in metres,
            too, but without holes and at the network's own size.
    """

    colour: NDArray[np.uint8]
    truth: NDArray[np.float32]
    binned: NDArray[np.float32]
    regressed: NDArray[np.float32]
    fused: NDArray[np.float32]
    uncertainty: NDArray[np.float32]


@torch.no_grad()
def predict_rows(module: DepthModule, dataset: Dataset) -> list[PanelRow]:
    """The network's predictions for a few images, spread evenly over a data set."""
    places = np.linspace(0, len(dataset) - 1, min(PICTURES, len(dataset)))  # type: ignore[arg-type]
    batch = default_collate([dataset[round(place)] for place in places])
    inputs = prepare_pictures(batch["picture"].to(module.device), module.network.config.input_size)
    prediction = module.network.decode(module.network.forward(inputs))
    maps = (
        prediction.binned,
        prediction.regressed,
        prediction.depth,
        prediction.uncertainty,
    )
    columns = (
        batch["picture"].permute(0, 2, 3, 1).numpy(),
        batch["depth"].numpy(),
        *((values * module.focal_ratio).float().cpu().numpy() for values in maps),
    )
    return [PanelRow(*row) for row in zip(*columns, strict=True)]


def draw_panel(rows: Sequence[PanelRow]) -> NDArray[np.uint8]:
    """One row per image, under the titles of :data:`COLUMNS`; all depths on the truth's scale.

    Returns:
        (H, W, 3) RGB.
    """
    far = max(float(row.truth.max()) for row in rows) or 10.0
    scales = ("", *[f"0-{far:.1f} m"] * 4, *[f"0-{DEVIATION_SCALE:g} m"] * 2)
    titles = [_title(f"{name} {scale}") for name, scale in zip(COLUMNS, scales, strict=True)]
    drawn = [np.concatenate(_tiles(row, far), axis=1) for row in rows]
    return np.concatenate([np.concatenate(titles, axis=1), *drawn])


def _tiles(row: PanelRow, far: float) -> list[NDArray[np.uint8]]:
    height, width = row.truth.shape
    size = (_TILE_WIDTH, round(_TILE_WIDTH * height / width))
    truth = cv2.resize(row.truth, size, interpolation=cv2.INTER_NEAREST)
    depths = [
        cv2.resize(depth, size, interpolation=cv2.INTER_LINEAR)
        for depth in (row.binned, row.regressed, row.fused, row.uncertainty)
    ]
    error = np.where(truth > 0, np.abs(depths[2] - truth), np.nan)
    return [
        cv2.resize(row.colour, size, interpolation=cv2.INTER_AREA),
        *(colour_depth(depth, 0.0, far) for depth in (truth, *depths[:3])),
        *(colour_uncertainty(values, DEVIATION_SCALE) for values in (depths[3], error)),
    ]


def _title(text: str) -> NDArray[np.uint8]:
    strip = np.full((_TITLE_HEIGHT, _TILE_WIDTH, 3), 255, np.uint8)
    place = (4, _TITLE_HEIGHT - 6)
    return cv2.putText(
        strip, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA
    )
