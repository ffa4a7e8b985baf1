"""From a colour image to depth: the network, the device, the image's size."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from moa_depth_ros.estimator.cuda_graph import CudaGraphs
from moa_depth_ros.estimator.transfer import to_device
from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.machine.device_memory import is_out_of_memory
from moa_depth_ros.network import InferenceNetwork, load_network

DEMO_MODEL = Path(__file__).parents[1] / "models" / "demo"
"""The model folder that ships with the package."""

PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}

CHANNELS = ("rgb", "bgr", "rgba", "bgra", "mono")
"""Orders of an image's channels."""


class Picture(NamedTuple):
    """An image to estimate depth for.

    Attributes:
        pixels: uint8, (H, W, 3), (H, W, 4) or (H, W), depending on ``channels``; any strides, any
            memory, even read-only. It is not kept.
        channels: order of the channels: ``rgb``, ``bgr``, ``rgba``, ``bgra``, ``mono``.
        intrinsics: the camera of the image, at any size. Depth is scaled by the ratio of its focal
            length to the training camera's. None: they are assumed to be alike.
    """

    pixels: np.ndarray
    channels: str = "rgb"
    intrinsics: Intrinsics | None = None


@dataclasses.dataclass(frozen=True)
class DepthEstimate:
    """The estimate for one image; tensors on the estimator's device, all of the image's size.

    Attributes:
        depth: (H, W) float32 metres along the optical axis.
        uncertainty: (H, W) float32 metres, standard deviation of the bin distribution; scaled by
            the focal lengths like depth.
        colour: (H, W, 3) uint8 RGB, the image itself.
    """

    depth: Tensor
    uncertainty: Tensor
    colour: Tensor


class DepthEstimator:
    """Runs a model folder on images of any size.

    Args:
        model: a model folder, as training writes it.
        device: ``cuda``, ``cuda:N``, ``cpu``, or ``auto``: CUDA if available.
        precision: of tower and heads: ``float32``, ``bfloat16`` or ``float16``.

    Raises:
        ModelFolderError: the folder is missing, damaged or contradicts itself.
        ValueError: an unknown precision or device.
        RuntimeError: the device does not exist.
    """

    def __init__(
        self, model: str | Path = DEMO_MODEL, device: str = "auto", precision: str = "float32"
    ):
        if precision not in PRECISIONS:
            raise ValueError(f"precision: expected one of {list(PRECISIONS)}, found {precision!r}")
        self.model = Path(model)
        self.device = find_device(device)
        self.precision = precision
        network, self.training_camera = load_network(self.model, self.device)
        self.network = InferenceNetwork(network, PRECISIONS[precision])
        # Not a method: the cycle would keep weights and graphs until the next garbage collection.
        maps = functools.partial(_estimate, self.network)
        self._maps = CudaGraphs(maps) if self.device.type == "cuda" else maps

    def __str__(self) -> str:
        return f"Model {self.model} on {self.device} in {self.precision}"

    def estimate(
        self,
        picture: np.ndarray,
        channels: str = "rgb",
        intrinsics: Intrinsics | None = None,
    ) -> DepthEstimate:
        """Depth of one image; for arguments and errors, see `Picture` and `estimate_batch`."""
        return self.estimate_batch([Picture(picture, channels, intrinsics)])[0]

    @torch.inference_mode()
    def estimate_batch(self, pictures: Sequence[Picture]) -> list[DepthEstimate]:
        """Depth of several images of one size, which go through the network together.

        Args:
            pictures: at least one; channels and cameras may differ.

        Returns:
            An estimate for each, equal to that of the image alone except for float rounding.

        Raises:
            ValueError: wrong type or shape, an empty image, an unknown channel order, or different
                sizes.
        """
        sizes = {picture.pixels.shape[:2] for picture in pictures}
        if len(sizes) != 1:
            raise ValueError(f"pictures: expected images of one size, found (H, W) {sorted(sizes)}")
        colours = _batch([self._upload(picture.pixels, picture.channels) for picture in pictures])
        ratios = _batch([self._ratio(picture.intrinsics) for picture in pictures])
        maps = self._maps(colours, ratios)
        return [
            DepthEstimate(depth, uncertainty, colour)
            for (depth, uncertainty), colour in zip(maps, colours, strict=True)
        ]

    def warm_up(self, batch_shape: tuple[int, int, int]) -> None:
        """Run once on (B, H, W) black pixels, so that the first real images are not slow."""
        count, height, width = batch_shape
        self.estimate_batch([Picture(np.zeros((height, width, 3), np.uint8))] * count)

    def half_a_cell(self, height: int, width: int) -> tuple[int, int]:
        """Half a cell of the network, in pixels of such images, down and across. Depth is
        interpolated between cells, so an edge is at least twice as wide."""
        rows, columns = self.network.tower.grid_size
        return max(1, round(height / rows / 2)), max(1, round(width / columns / 2))

    def clear_graphs(self) -> None:
        """Free the memory that is kept for each image size seen so far."""
        if isinstance(self._maps, CudaGraphs):
            self._maps.clear()

    def _ratio(self, intrinsics: Intrinsics | None) -> Tensor:
        """(1,), the factor that the depth of a camera's image is multiplied by."""
        ratio = 1.0 if intrinsics is None else intrinsics.focal_ratio(self.training_camera)
        return torch.full((1,), ratio, device=self.device)

    def _upload(self, picture: np.ndarray, channels: str) -> Tensor:
        """(1, H, W, 3) uint8 RGB."""
        if channels not in CHANNELS:
            raise ValueError(f"channels: expected one of {CHANNELS}, found {channels!r}")
        shape = {"mono": "(H, W)"}.get(channels, f"(H, W, {len(channels)})")
        fits = picture.ndim == 2 if channels == "mono" else picture.shape[2:] == (len(channels),)
        if picture.dtype != np.uint8 or not fits or picture.size == 0:
            raise ValueError(
                f"picture: expected non-empty uint8 {shape} for {channels!r}, "
                f"found {picture.dtype} {picture.shape}"
            )
        tensor = to_device(picture, self.device).unsqueeze(0)
        if channels == "mono":
            return tensor.unsqueeze(-1).expand(-1, -1, -1, 3)
        colour = tensor[..., :3]
        return colour.flip(-1) if channels.startswith("bgr") else colour


def _estimate(network: InferenceNetwork, colours: Tensor, ratios: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 and (B,) factors to (B, 2, H, W): depth and uncertainty.

    The network sees the same as from `training.resizing.prepare_pictures`, except for rounding; it
    scales the values itself.
    """
    # Antialiasing on CUDA works colour by colour, and would copy any other layout.
    layout = torch.contiguous_format if colours.is_cuda else torch.preserve_format
    pixels = colours.permute(0, 3, 1, 2).to(torch.float32, memory_format=layout)
    pictures = F.interpolate(
        pixels, size=network.config.input_size, mode="bilinear", antialias=True
    )
    maps = network(pictures) * ratios.view(-1, 1, 1, 1)
    return F.interpolate(maps, size=colours.shape[1:3], mode="bilinear")


def _batch(tensors: list[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors)  # one need not be copied


def find_device(device: str) -> torch.device:
    """The device with a name: ``cpu``, ``cuda``, ``cuda:N``, or ``auto``: CUDA if available.

    Raises:
        ValueError: another name.
        RuntimeError: the device does not exist.
    """
    if device == "auto":
        return torch.device("cuda" if _cuda_computes() else "cpu")
    try:
        found = torch.device(device)
    except RuntimeError:
        found = None
    if found is None or found.type not in ("cpu", "cuda"):
        raise ValueError(f"device: expected auto, cpu, cuda or cuda:N, found {device!r}")
    if found.type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(
            f"device: {device!r} was requested, but torch {torch.__version__} finds no CUDA "
            "device; check nvidia-smi, or use 'cpu' or 'auto'"
        )
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise RuntimeError(
            f"device: {device!r} was requested, but the last one here is "
            f"cuda:{torch.cuda.device_count() - 1}"
        )
    return found


def _cuda_computes() -> bool:
    """Whether CUDA works: PyTorch also finds GPUs that are too old for its kernels."""
    if not torch.cuda.is_available():
        return False
    try:
        torch.zeros(1, device="cuda").cpu()
    except RuntimeError as error:
        if is_out_of_memory(error):
            return True  # what to do about that is up to the caller
        warnings.warn(f"using the CPU, because CUDA fails: {error}", stacklevel=3)
        return False
    return True
