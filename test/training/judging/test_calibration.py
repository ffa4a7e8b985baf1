"""Reliability, error retention and rank correlation against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from training.judging.calibration import GROUPS, Calibration, CalibrationCounts

RISING = np.geomspace(0.01, 5, 1000)


def calibrate(uncertainty, error, valid=None) -> Calibration:
    uncertainty, error = torch.as_tensor(uncertainty), torch.as_tensor(error)
    valid = torch.ones_like(error, dtype=torch.bool) if valid is None else torch.as_tensor(valid)
    counts = CalibrationCounts(torch.device("cpu"))
    for part in zip(uncertainty.split(64), error.split(64), valid.split(64), strict=True):
        counts.add(*part)
    found = counts.compute()
    assert found is not None
    return found


def test_an_uncertainty_that_is_the_error():
    signs = np.where(np.arange(1000) % 2, 1, -1)
    found = calibrate(RISING, signs * RISING)
    assert found.found == pytest.approx(found.predicted, rel=1e-9)
    assert len(found.share) == GROUPS
    assert found.share == pytest.approx(np.full(GROUPS, 0.1), abs=0.01)
    assert found.rmse == pytest.approx(found.oracle, rel=1e-9)
    assert found.rmse[-1] == pytest.approx(np.sqrt(np.mean(RISING**2)))
    assert (found.spearman, found.ause) == (pytest.approx(1), pytest.approx(0, abs=1e-9))
    assert found.ence == pytest.approx(0, abs=1e-9)


def test_an_uncertainty_twice_as_large_as_the_error():
    found = calibrate(2 * RISING, RISING)
    assert found.found == pytest.approx(found.predicted / 2, rel=1e-9)
    assert found.ence == pytest.approx(0.5)
    assert found.ause == pytest.approx(0, abs=1e-3)


def test_an_uncertainty_that_is_upside_down():
    found = calibrate(RISING[::-1].copy(), RISING)
    assert found.spearman == pytest.approx(-1, abs=1e-3)
    assert (np.diff(found.rmse) < 0).all()  # what remains is worse than everything
    assert found.ause > 0.5


def test_an_uncertainty_in_a_narrow_band_has_groups_and_a_curve_all_the_same():
    """Like that of a network with ten bins that has hardly learned."""
    rng = np.random.default_rng(0)
    uncertainty = rng.uniform(2.74, 2.94, 20000)
    error = np.abs(rng.standard_normal(20000)) * (uncertainty - 2.7)
    found = calibrate(uncertainty, error)
    assert found.share == pytest.approx(np.full(GROUPS, 0.1), abs=0.01)
    by_uncertainty = error[np.argsort(uncertainty)] ** 2
    assert found.rmse[0] == pytest.approx(by_uncertainty[:1000].mean() ** 0.5, rel=0.02)
    expected = spearmanr(uncertainty, error).statistic
    assert found.spearman == pytest.approx(expected, abs=0.02)


def test_an_uncertainty_that_says_nothing():
    found = calibrate(np.ones(1000), RISING)
    assert found.spearman is None
    assert found.rmse == pytest.approx(np.full(20, found.rmse[-1]))
    assert found.share.tolist() == [1]


def test_curves_and_rank_correlation_of_any_data():
    rng = np.random.default_rng(0)
    uncertainty = rng.uniform(0.05, 2, 20000)
    error = uncertainty * rng.standard_normal(20000)
    found = calibrate(uncertainty, error)
    by_uncertainty = error[np.argsort(uncertainty)] ** 2
    by_error = np.sort(error**2)
    for place, share in enumerate(found.retained):
        kept = round(share * 20000)
        assert found.rmse[place] == pytest.approx(by_uncertainty[:kept].mean() ** 0.5, rel=5e-3)
        # A cell of the smallest errors is 1 mm wide: no relative bound for the oracle there.
        assert found.oracle[place] == pytest.approx(
            by_error[:kept].mean() ** 0.5, rel=1e-2, abs=1e-3
        )
    area = np.trapezoid(found.rmse - found.oracle, found.retained)
    assert found.ause == pytest.approx(area / np.sqrt(np.mean(error**2)), rel=1e-3)
    expected = spearmanr(uncertainty, np.abs(error)).statistic
    assert found.spearman == pytest.approx(expected, abs=2e-3)
    assert found.ence < 0.05  # each error was drawn with its own standard deviation


def test_invalid_pixels_do_not_count():
    valid = np.arange(1000) % 3 > 0
    everywhere = np.where(valid, RISING, 5)
    found, alone = calibrate(everywhere, RISING, valid), calibrate(RISING[valid], RISING[valid])
    assert found.rmse == pytest.approx(alone.rmse)
    assert found.spearman == pytest.approx(alone.spearman)


def test_no_valid_pixel():
    counts = CalibrationCounts(torch.device("cpu"))
    counts.add(torch.ones(3), torch.ones(3), torch.zeros(3, dtype=torch.bool))
    assert counts.compute() is None
