"""The pass over a data set that judges every predictor on every image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset
from tqdm import tqdm

from training.data.sample import Sample
from training.data.workers import data_loader
from training.judging.calibration import CalibrationCounts
from training.judging.judgement import RANGE_EDGES, Judgement
from training.judging.predictors import Predictor
from training.metrics import Crop, TrueDepth, range_sums


class Collector:
    """Collects what one depth map of one predictor is judged by, on its device.

    Args:
        calibration: counts of uncertainty and error; None without uncertainty.
    """

    def __init__(self, calibration: CalibrationCounts | None):
        self.range_sums: list[Tensor] = []
        self.scaled_sums: list[Tensor] = []
        self.calibration = calibration

    def add(
        self, depth: Tensor, uncertainty: Tensor | None, truth: TrueDepth, members: Tensor
    ) -> None:
        """Add a batch: depth and uncertainty (B, H, W) metres, members of each range of depth."""
        pixels = truth.match(depth)
        self.range_sums.append(range_sums(pixels, truth, members))
        scaled = range_sums(truth.median_scaled(depth), truth, members)
        self.scaled_sums.append(scaled.sum(dim=1))
        if self.calibration is not None and uncertainty is not None:
            error = pixels - truth.depth
            self.calibration.add(truth.match(uncertainty), error, truth.valid)

    def judgement(
        self, model: str, depth: str, indices: Sequence[int], scenes: Sequence[str]
    ) -> Judgement:
        """The result so far; the only place that waits for the device."""
        return Judgement(
            model,
            depth,
            indices,
            scenes,
            torch.cat(self.range_sums).cpu(),
            torch.cat(self.scaled_sums).cpu(),
            self.calibration.compute() if self.calibration else None,
        )


@torch.inference_mode()
def judge(
    predictors: Mapping[str, Predictor],
    pictures: Dataset[Sample],
    crop: Crop = "eigen",
    device: torch.device | str = "cpu",
    batch_size: int = 8,
    workers: int = 0,
) -> list[Judgement]:
    """Judge predictors by the protocol of NYU Depth V2, in one pass over the images.

    Args:
        predictors: by name; each gets its images on ``device``.
        pictures: any data set of :mod:`training.data`.
        crop: part of the image that counts.
        device: where everything is computed.
        batch_size: images per batch.
        workers: processes that read images; 0 reads in this one.

    Returns:
        A judgement for each depth map of each predictor, in the predictors' order.
    """
    device = torch.device(device)
    indices: list[int] = []
    scenes: list[str] = []
    collectors: dict[tuple[str, str], Collector] = {}
    batches = data_loader(pictures, workers, device, batch_size=batch_size)
    for batch in tqdm(batches, desc="judging", disable=None):
        numbers = batch["index"].tolist()
        indices += numbers
        scenes += batch["scene"]
        inputs, depth = (batch[key].to(device, non_blocking=True) for key in ("picture", "depth"))
        truth = TrueDepth(depth, crop)
        members = truth.members(RANGE_EDGES)
        for model, predict in predictors.items():
            predicted = predict(inputs, numbers, (depth.shape[-2], depth.shape[-1]))
            unsure = predicted.uncertainty
            for name, values in predicted.depths.items():
                if (model, name) not in collectors:
                    counts = None if unsure is None else CalibrationCounts(device)
                    collectors[model, name] = Collector(counts)
                collectors[model, name].add(values, unsure, truth, members)
    return [collector.judgement(*key, indices, scenes) for key, collector in collectors.items()]
