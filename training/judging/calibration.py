"""Whether a predicted uncertainty tells where the error is."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.metrics import MAX_DEPTH, MIN_DEPTH

CELLS = 16_384
JOINT_CELLS = 1024
GROUPS = 10
RETAINED = np.arange(1, 21) / 20


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How useful an uncertainty is, over all pixels.

    The reliability plot has ten groups of about equally many pixels, by increasing uncertainty. The
    error-retention curve is the error of the remaining pixels as the most uncertain are dropped;
    its oracle drops those with the largest error instead.

    Attributes:
        predicted: (G,) root mean square of the predicted standard deviation of each group, metres.
        found: (G,) root mean square error of each group, metres.
        share: (G,) of all pixels.
        retained: (20,) shares of the pixels that remain, up to 1.
        rmse: (20,) of those that remain, metres.
        oracle: (20,) the lowest that it could be, metres.
        spearman: rank correlation of uncertainty and absolute error, -1 to 1; None if either is
            the same everywhere.
        ause: area between curve and oracle, from 5 % of the pixels to all of them, as a share of
            the RMSE over all pixels (area under the sparsification error, Ilg et al. 2018); 0 is
            best.
        ence: mean over the groups of |found - predicted| / predicted (expected normalised
            calibration error, Levi et al. 2020); 0 is best.
    """

    predicted: NDArray[np.float64]
    found: NDArray[np.float64]
    share: NDArray[np.float64]
    retained: NDArray[np.float64]
    rmse: NDArray[np.float64]
    oracle: NDArray[np.float64]
    spearman: float | None
    ause: float
    ence: float


class CalibrationCounts:
    """Histograms of pixels by uncertainty and by error, on the device, in cells of 0.06 % from 1 mm
    to 10 m: for any plot as fine as sorting all pixels, without keeping them and without the host.
    The joint histogram, for the rank correlation, has cells of 0.9 %.
    """

    def __init__(self, device: torch.device):
        self.joint = torch.zeros(JOINT_CELLS**2, dtype=torch.float64, device=device)
        self.pixels, self.squares, self.variances = self.joint.new_zeros(3, CELLS)
        self.pixels_by_error, self.squares_by_error = self.joint.new_zeros(2, CELLS)

    def add(self, uncertainty: Tensor, error: Tensor, valid: Tensor) -> None:
        """Add pixels: tensors of one shape, predicted standard deviation and error in metres."""
        weight = valid.double().flatten()
        squares = weight * error.square().flatten()
        row, column = _place(uncertainty), _place(error.abs())
        joint = _cell(row, JOINT_CELLS) * JOINT_CELLS + _cell(column, JOINT_CELLS)
        self.joint.scatter_add_(0, joint, weight)
        row, column = _cell(row, CELLS), _cell(column, CELLS)
        self.pixels.scatter_add_(0, row, weight)
        self.squares.scatter_add_(0, row, squares)
        self.variances.scatter_add_(0, row, weight * uncertainty.square().flatten())
        self.pixels_by_error.scatter_add_(0, column, weight)
        self.squares_by_error.scatter_add_(0, column, squares)

    def compute(self) -> Calibration | None:
        """The calibration over all pixels so far; None without any."""
        pixels, squares, variances, pixels_by_error, squares_by_error = (
            counts.cpu().numpy()
            for counts in (
                *(self.pixels, self.squares, self.variances),
                *(self.pixels_by_error, self.squares_by_error),
            )
        )
        if not pixels.sum():
            return None
        predicted, found, share = _reliability(pixels, variances, squares)
        rmse = _retention(pixels, squares)
        oracle = _retention(pixels_by_error, squares_by_error)
        area = np.trapezoid(rmse - oracle, RETAINED)
        return Calibration(
            predicted,
            found,
            share,
            RETAINED,
            rmse,
            oracle,
            spearman=_rank_correlation(self.joint.view(JOINT_CELLS, -1).cpu().numpy()),
            ause=float(area / rmse[-1]) if rmse[-1] else 0.0,
            ence=float(np.mean(np.abs(found - predicted) / predicted)),
        )


def _place(metres: Tensor) -> Tensor:
    """(N,) from 0 to 1, on a logarithmic scale."""
    bounded = metres.flatten().clamp(MIN_DEPTH, MAX_DEPTH)
    return (bounded / MIN_DEPTH).log() / np.log(MAX_DEPTH / MIN_DEPTH)


def _cell(place: Tensor, cells: int) -> Tensor:
    return (place * cells).long().clamp(0, cells - 1)


def _reliability(
    pixels: NDArray, variances: NDArray, squares: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """Predicted and found root mean square, and share of the pixels, of each group that has any."""
    middle = (np.cumsum(pixels) - pixels / 2) / pixels.sum()
    group = np.minimum((middle * GROUPS).astype(int), GROUPS - 1)
    count, variance, square = (
        np.bincount(group, values, GROUPS) for values in (pixels, variances, squares)
    )
    filled = count > 0
    count, variance, square = count[filled], variance[filled], square[filled]
    return np.sqrt(variance / count), np.sqrt(square / count), count / pixels.sum()


def _retention(pixels: NDArray, squares: NDArray) -> NDArray:
    """Root mean square error of the first pixels in the order of the cells."""
    kept = RETAINED * pixels.sum()
    total = np.interp(kept, np.append(0, np.cumsum(pixels)), np.append(0, np.cumsum(squares)))
    return np.sqrt(total / kept)


def _rank_correlation(pixels: NDArray) -> float | None:
    """Spearman's, with the mean rank for all pixels of a cell."""
    rows, columns = (_centred_ranks(pixels.sum(axis=axis)) for axis in (1, 0))
    variances = [
        counts @ ranks**2
        for counts, ranks in ((pixels.sum(axis=1), rows), (pixels.sum(axis=0), columns))
    ]
    if not all(variances):
        return None
    return float(rows @ pixels @ columns / np.sqrt(variances[0] * variances[1]))


def _centred_ranks(counts: NDArray) -> NDArray:
    """Mean rank in each cell, as a share of all, less one half."""
    return (np.cumsum(counts) - counts / 2) / counts.sum() - 0.5
