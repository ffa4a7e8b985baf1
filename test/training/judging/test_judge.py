"""The pass over a data set: its results as a whole, by range of depth and by scene type."""

from __future__ import annotations

import resource
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from test.training.tiny_runs import ROOT
from training.data.depth_set import DepthSet
from training.data.sample import Sample
from training.data.workers import shortages_explained
from training.errors import TrainingError
from training.judging.baselines import baselines_of
from training.judging.judge import judge
from training.judging.output import averages_of
from training.judging.predictors import Predicted

SIZE = (4, 6)
TRUTHS = (0.5, 1.5, 4.0, 0.0, 8.0)
SCENES = ("office", "kitchen", "office", "kitchen", "cafe")


class FlatWalls(Dataset[Sample]):
    """A wall in front of the camera in each image; the fourth has no reading."""

    def __len__(self) -> int:
        return len(TRUTHS)

    def __getitem__(self, item: int) -> Sample:
        picture = torch.full((3, *SIZE), item, dtype=torch.uint8)
        depth = torch.full(SIZE, TRUTHS[item])
        return Sample(picture=picture, depth=depth, index=10 + item, scene=SCENES[item])


def ten_percent_too_far(pictures, indices, size) -> Predicted:
    """With an uncertainty of a tenth of the truth: exactly the error."""
    assert pictures[:, 0, 0, 0].tolist() == [index - 10 for index in indices]
    truth = torch.tensor([TRUTHS[index - 10] for index in indices]).view(-1, 1, 1).expand(-1, *size)
    return Predicted({"far": 1.1 * truth, "right": truth}, uncertainty=0.1 * truth)


def two_metres(pictures, indices, size) -> Predicted:
    return Predicted({"-": torch.full((len(indices), *size), 2.0)})


@pytest.fixture(scope="module", params=[1, 2, 8])
def judged(request):
    predictors = {"sure": ten_percent_too_far, "fixed": two_metres}
    found = judge(predictors, FlatWalls(), crop="none", batch_size=request.param)
    return {(judgement.model, judgement.depth): judgement for judgement in found}


def test_each_depth_map_in_the_order_of_the_predictors(judged):
    assert list(judged) == [("sure", "far"), ("sure", "right"), ("fixed", "-")]
    for judgement in judged.values():
        assert judgement.indices == [10, 11, 12, 13, 14]
        assert judgement.scenes == list(SCENES)
        assert (judgement.plain.pictures, judgement.plain.without_valid) == (4, 1)


def test_as_predicted_and_median_scaled(judged):
    far = judged["sure", "far"]
    assert far.plain.per_image["abs_rel"] == pytest.approx(0.1)
    assert far.median_scaled.per_image["abs_rel"] == pytest.approx(0, abs=1e-6)
    errors = [1.5, 0.5, 2.0, 6.0]
    fixed = judged["fixed", "-"].plain
    assert fixed.per_image["rmse"] == pytest.approx(sum(errors) / 4)
    assert fixed.pooled["rmse"] == pytest.approx((sum(e * e for e in errors) / 4) ** 0.5)
    named = averages_of(judged["fixed", "-"])
    assert (named["per image"], named["pooled"]) == (fixed.per_image, fixed.pooled)
    for average in ("per image, median-scaled", "pooled, median-scaled"):
        assert averages_of(far)[average]["abs_rel"] == pytest.approx(0, abs=1e-6)


def test_by_range_of_depth(judged):
    groups = judged["fixed", "-"].by_range
    expected = {"0-1 m": 1.5, "1-2 m": 0.5, "3-5 m": 2.0, "5-10 m": 6.0}  # none at 2 to 3 m
    assert {name: group.metrics["rmse"] for name, group in groups.items()} == pytest.approx(
        expected
    )
    assert {group.size for group in groups.values()} == {SIZE[0] * SIZE[1]}


def test_by_scene_type(judged):
    groups = judged["fixed", "-"].by_scene
    assert {name: group.size for name, group in groups.items()} == {
        "cafe": 1,
        "kitchen": 1,  # the other kitchen has no reading
        "office": 2,
    }
    assert groups["office"].metrics["rmse"] == pytest.approx((1.5 + 2.0) / 2)
    assert judged["fixed", "-"].by_scene is groups  # a report asks for every scene


def test_pictures_are_ranked_without_those_that_say_nothing(judged):
    # AbsRel 1.5 / 0.5, 0.5 / 1.5, 2 / 4, none, 6 / 8
    assert judged["fixed", "-"].ranked() == [1, 2, 4, 0]


def test_only_who_predicts_an_uncertainty_is_calibrated(judged):
    assert judged["fixed", "-"].calibration is None
    far = judged["sure", "far"].calibration
    assert far is not None
    assert far.ence == pytest.approx(0, abs=1e-5)
    assert far.spearman == pytest.approx(1)


def test_readers_in_other_processes_give_the_same():
    here, there = (
        judge({"fixed": two_metres}, FlatWalls(), "none", batch_size=2, workers=workers)[0]
        for workers in (0, 2)
    )
    assert here.indices == there.indices
    assert torch.equal(here.range_sums, there.range_sums)


class SmoothWalls(DepthSet):
    """Only the depth can be read, 1.2 MB per map."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, item: int) -> Sample:
        raise NotImplementedError

    def depth(self, item: int) -> np.ndarray:
        return np.ones((480, 640), np.float32)

    def recording(self, item: int) -> str:
        return ""


@pytest.mark.timeout(60)  # or for ever
def test_a_reader_without_shared_memory_ends_the_judge():
    _, most = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))  # of /dev/shm's files, too
    try:
        small = pytest.raises(TrainingError, match=r"/dev/shm is too small; .* --shm-size=1g")
        with small, shortages_explained():
            baselines_of(SmoothWalls(), workers=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.timeout(300)  # a process of its own, which imports torch on a busy machine
def test_the_judge_stands_without_the_trainer():
    """Judging needs neither Lightning nor the training code."""
    code = (
        "import sys, training.judging.judge, training.judging.predictors, "
        "training.judging.baselines\n"
        "print(sorted({'lightning', 'training.module', 'training.train'} & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
