"""From a colour picture to depth: the network, the device, the picture's size."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from moa_depth_ros.camera import Intrinsics
from moa_depth_ros.cuda_graph import CudaGraphs
from moa_depth_ros.network import InferenceNetwork, load_network
from moa_depth_ros.transfer import to_device

DEMO_MODEL = Path(__file__).parent / "models" / "demo"
"""The model folder that ships with the package."""

PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}

CHANNELS = ("rgb", "bgr", "rgba", "bgra", "mono")
"""Orders of a picture's channels."""


@dataclasses.dataclass
class DepthEstimate:
    """What was estimated of one picture; tensors on the estimator's device, all of its size.

    Attributes:
        depth: (H, W) float32 metres along the optical axis.
        uncertainty: (H, W) float32 metres, standard deviation of the bin distribution.
        colour: (H, W, 3) uint8 RGB, the picture itself.
    """

    depth: Tensor
    uncertainty: Tensor
    colour: Tensor


class DepthEstimator:
    """Runs a model folder on pictures of any size.

    Args:
        model: a model folder, as training writes it.
        device: ``cuda``, ``cpu``, any other torch device, or ``auto``: CUDA where there is one.
        precision: of tower and heads: ``float32``, ``bfloat16`` or ``float16``.

    Raises:
        ModelFolderError: the folder is missing, damaged or contradicts itself.
        ValueError: an unknown precision or device.
        RuntimeError: the device is not there.
    """

    def __init__(
        self, model: str | Path = DEMO_MODEL, device: str = "auto", precision: str = "float32"
    ):
        if precision not in PRECISIONS:
            raise ValueError(f"precision: expected one of {list(PRECISIONS)}, found {precision!r}")
        self.model = Path(model)
        self.device = _find_device(device)
        network, self.training_camera = load_network(self.model, self.device)
        self.network = InferenceNetwork(network, PRECISIONS[precision])
        self._maps = CudaGraphs(self._estimate) if self.device.type == "cuda" else self._estimate

    @torch.inference_mode()
    def estimate(
        self,
        picture: np.ndarray,
        channels: str = "rgb",
        intrinsics: Intrinsics | None = None,
    ) -> DepthEstimate:
        """Depth of one picture.

        Args:
            picture: uint8, (H, W, 3), (H, W, 4) or (H, W) by ``channels``; any strides, any
                memory, also a read-only one. It is not kept.
            channels: order of the channels: ``rgb``, ``bgr``, ``rgba``, ``bgra``, ``mono``.
            intrinsics: the camera of the picture, at any size. Depth is scaled by the ratio of its
                focal length to the training camera's. Without it, they are taken to be alike.

        Raises:
            ValueError: another type or shape, an empty picture or an unknown order.
        """
        colour = self._upload(picture, channels)
        ratio = 1.0 if intrinsics is None else intrinsics.focal_ratio(self.training_camera)
        depth, uncertainty = self._maps(colour, torch.full((1,), ratio, device=self.device))
        return DepthEstimate(depth, uncertainty, colour)

    def warm_up(self, height: int = 480, width: int = 640) -> None:
        """Run once on an empty picture, so that the first real one is not the slow one."""
        self.estimate(np.zeros((height, width, 3), np.uint8))

    def _upload(self, picture: np.ndarray, channels: str) -> Tensor:
        if channels not in CHANNELS:
            raise ValueError(f"channels: expected one of {CHANNELS}, found {channels!r}")
        shape = {"mono": "(H, W)"}.get(channels, f"(H, W, {len(channels)})")
        fits = picture.ndim == 2 if channels == "mono" else picture.shape[2:] == (len(channels),)
        if picture.dtype != np.uint8 or not fits or picture.size == 0:
            raise ValueError(
                f"picture: expected non-empty uint8 {shape} for {channels!r}, "
                f"found {picture.dtype} {picture.shape}"
            )
        tensor = to_device(picture, self.device)
        if channels == "mono":
            return tensor.unsqueeze(-1).expand(-1, -1, 3)
        colour = tensor[..., :3]
        return colour.flip(-1) if channels.startswith("bgr") else colour

    def _estimate(self, colour: Tensor, ratio: Tensor) -> Tensor:
        """(H, W, 3) uint8 and a factor to (2, H, W): depth and uncertainty."""
        pixels = colour.permute(2, 0, 1).unsqueeze(0).float()
        pictures = F.interpolate(
            pixels, size=self.network.config.input_size, mode="bilinear", antialias=True
        )
        maps = self.network(pictures / 255) * ratio
        return F.interpolate(maps, size=colour.shape[:2], mode="bilinear")[0]


def _find_device(device: str) -> torch.device:
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device: expected auto, cpu, cuda or cuda:N, found {device!r}") from error
    if found.type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(
            f"device: {device!r} was asked for, but torch {torch.__version__} finds no CUDA "
            "device; check nvidia-smi, or take 'cpu' or 'auto'"
        )
    return found
