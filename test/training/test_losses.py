"""The composite loss against values by hand, and with nothing to learn from."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.losses import (
    LossConfig,
    composite_loss,
    count_valid,
    masked_cross_entropy,
    masked_l1,
    masked_silog,
    valid_pixels,
)

NAN, INF = math.nan, math.inf


def maps(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, -1)


def test_valid_pixels_are_above_a_millimetre_and_up_to_the_far_end():
    depth = maps(0.0, 1e-3, 2e-3, 9.999, 10.0, -1.0, NAN, INF)
    expected = [False, False, True, True, True, False, False, False]
    assert valid_pixels(depth, 10.0).flatten().tolist() == expected
    assert valid_pixels(maps(10.0, 80.0, 80.1), 80.0).flatten().tolist() == [True, True, False]


def test_l1_is_the_mean_over_valid_pixels():
    valid = torch.tensor([[[True, True, False]]])
    found = masked_l1(maps(1.0, 4.0, 9.0), maps(2.0, 2.0, 0.0), valid, count_valid(valid))
    assert found == pytest.approx(1.5)


def test_cross_entropy_is_the_mean_over_valid_pixels():
    logits = torch.tensor([[0.0, 0.0, 5.0], [math.log(3), 0.0, -5.0]]).view(1, 2, 1, 3)
    labels, valid = torch.tensor([[[1, 0, 1]]]), torch.tensor([[[True, True, False]]])
    expected = (-math.log(0.75) - math.log(0.5)) / 2
    found = masked_cross_entropy(logits, labels, valid, count_valid(valid))
    assert found == pytest.approx(expected)


def test_silog_of_the_specification():
    """Bias .2 and deviation .2: the paper's form .737, the literature's 2.14."""
    regressed, depth = maps(math.exp(0.4), math.exp(0.0)), maps(1.0, 1.0)
    valid = torch.ones_like(depth, dtype=torch.bool)
    paper = 10 * (0.04 + 0.85 * 0.04)
    literature = 10 * math.sqrt(0.08 - 0.85 * 0.04)
    for form, expected in (("paper", paper), ("literature", literature)):
        found = masked_silog(
            regressed, depth, valid, count_valid(valid), LossConfig(silog_form=form)
        )
        assert found == pytest.approx(expected, abs=1e-5)
    assert round(paper, 2) == 0.74
    assert round(literature, 2) == 2.14


@pytest.mark.parametrize("form", ["paper", "literature"])
def test_pixels_without_a_reading_change_no_term(form):
    torch.manual_seed(0)
    logits, labels = torch.randn(1, 4, 1, 6), torch.randint(0, 4, (1, 1, 6))
    regressed, depth = 3 * torch.rand(1, 1, 6) + 1, torch.rand(1, 1, 6) + 1
    depth[..., 3:] = maps(0.0, NAN, 11.0)
    config = LossConfig(silog_form=form)
    found, alone = (
        composite_loss(
            logits[..., :end],
            regressed[..., :end],
            depth[..., :end],
            labels[..., :end],
            10.0,
            config,
        )
        for end in (6, 3)
    )
    torch.testing.assert_close(torch.stack(found), torch.stack(alone))


def test_total_is_the_weighted_sum():
    terms = composite_loss(
        torch.randn(1, 4, 2, 3),
        torch.rand(1, 2, 3) + 1,
        torch.rand(1, 2, 3) + 1,
        torch.randint(0, 4, (1, 2, 3)),
        10.0,
        LossConfig(),
    )
    assert terms.total == pytest.approx(terms.cross_entropy + terms.l1 + 0.5 * terms.silog)


@pytest.mark.parametrize("form", ["paper", "literature"])
@pytest.mark.parametrize("bad", [0.0, NAN, INF, -1.0, 11.0])
def test_no_valid_pixel_gives_zero_loss_and_zero_gradients(form, bad):
    logits = torch.randn(1, 4, 2, 3, requires_grad=True)
    regressed = torch.rand(1, 2, 3, requires_grad=True)
    depth = torch.full((1, 2, 3), bad)
    labels = torch.zeros(1, 2, 3, dtype=torch.long)
    terms = composite_loss(logits, regressed, depth, labels, 10.0, LossConfig(silog_form=form))
    terms.total.backward()
    assert [float(term) for term in terms] == [0.0] * 4
    assert not logits.grad.any()
    assert not regressed.grad.any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_terms_are_float32_whatever_the_network_gives(dtype):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = composite_loss(
            torch.randn(1, 4, 2, 3, dtype=dtype),
            torch.rand(1, 2, 3).to(dtype),
            torch.rand(1, 2, 3) + 1,
            torch.zeros(1, 2, 3, dtype=torch.long),
            10.0,
            LossConfig(),
        )
    assert {term.dtype for term in terms} == {torch.float32}


depths = st.sampled_from([0.0, 1e-30, 1e-3, 1.001e-3, 0.7, 9.999, 10.0, 1e30, -2.0, NAN, INF, -INF])
predictions = st.sampled_from([0.0, 1e-38, 1e-3, 2.5, 10.0])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(depths, predictions), min_size=1, max_size=8),
    st.sampled_from(["paper", "literature"]),
    st.sampled_from([0.0, 1.0, 1e4]),
)
def test_never_nan_and_never_negative(pixels, form, scale):
    depth = maps(*(pixel[0] for pixel in pixels))
    regressed = maps(*(pixel[1] for pixel in pixels)).requires_grad_()
    logits = (torch.randn(1, 5, 1, len(pixels)) * scale).requires_grad_()
    labels = torch.zeros_like(depth, dtype=torch.long)
    terms = composite_loss(logits, regressed, depth, labels, 10.0, LossConfig(silog_form=form))
    terms.total.backward()
    assert all(torch.isfinite(term) and term >= 0 for term in terms)
    assert torch.isfinite(logits.grad).all()
    assert torch.isfinite(regressed.grad).all()


@pytest.mark.parametrize("no_silog", [{"silog": 0.0}, {"silog_scale": 0.0}])
def test_a_loss_of_nothing_is_refused(no_silog):
    with pytest.raises(ValueError, match="nothing would learn"):
        LossConfig(cross_entropy=0.0, l1=0.0, **no_silog)
