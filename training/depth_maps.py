"""The depth maps of a network that are evaluated, during training and afterwards."""

from __future__ import annotations

from torch import Tensor

from moa_depth_ros.network import Prediction

DECODERS = ("fused", "binned", "regressed")


def depths_of(prediction: Prediction) -> dict[str, Tensor]:
    """The three depth maps by the names of :data:`DECODERS`; (B, H, W) metres."""
    return {
        "fused": prediction.depth,
        "binned": prediction.binned,
        "regressed": prediction.regressed,
    }
