"""What can be judged: anything that predicts depth maps from images."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.network import MoADepthClip, Prediction, load_network
from moa_depth_ros.network.folder import CONFIG_NAME
from training.data.picture_pair import read_any_depth
from training.depth_maps import depths_of
from training.errors import DataError
from training.resizing import prepare_pictures, resize_depth

UNNAMED = "-"
"""Name of the depth map of a predictor that has only one."""


@dataclasses.dataclass(frozen=True)
class Predicted:
    """Depth of a batch of images.

    Attributes:
        depths: (B, H, W) metres by name; the first one stands for the predictor in plots.
        uncertainty: (B, H, W) metres, predicted standard deviation; None where there is none.
    """

    depths: dict[str, Tensor]
    uncertainty: Tensor | None = None


class Predictor(Protocol):
    """A function from images to depth."""

    def __call__(
        self, pictures: Tensor, indices: Sequence[int], size: tuple[int, int]
    ) -> Predicted:
        """Predict a batch.

        Args:
            pictures: (B, 3, H, W) uint8 RGB.
            indices: numbers of the images in their data set.
            size: height and width that the depth must have.
        """
        ...


class Opened(Predictor, Protocol):
    """The predictor of a folder.

    Attributes:
        description: what it is, in one line.
    """

    description: str


class NetworkPredictor:
    """All three depth maps and the uncertainty of a network, resized bilinearly.

    Args:
        network: on the device of the images.
        flip: average with the prediction for the mirrored image.
        focal_ratio: of the images' camera to the network's (:meth:`Intrinsics.focal_ratio`), by
            which everything is multiplied, as in the node.
    """

    def __init__(self, network: MoADepthClip, flip: bool = False, focal_ratio: float = 1.0):
        self.network, self.flip, self.focal_ratio = network, flip, focal_ratio
        self.description = _describe(network)

    def __call__(
        self, pictures: Tensor, indices: Sequence[int], size: tuple[int, int]
    ) -> Predicted:
        """As a :class:`Predictor`."""
        inputs = prepare_pictures(pictures, self.network.config.input_size)
        maps = self._maps(inputs)
        if self.flip:
            mirrored = self._maps(inputs.flip(-1))
            maps = {name: (maps[name] + mirrored[name].flip(-1)) / 2 for name in maps}
        resized = {name: resize_depth(values, size) for name, values in maps.items()}
        return Predicted(uncertainty=resized.pop("uncertainty"), depths=resized)

    def _maps(self, inputs: Tensor) -> dict[str, Tensor]:
        prediction: Prediction = self.network.decode(self.network(inputs))
        maps = {**depths_of(prediction), "uncertainty": prediction.uncertainty}
        return {name: values * self.focal_ratio for name, values in maps.items()}


class PredictionFolder:
    """Depth that any other program has written: a PNG for each image, named by its index.

    The PNGs are 16-bit, in millimetres and of the image's size. ``python -m training.export``
    writes a split's colour images under the same names. 0 counts as the nearest depth (1e-3 m), as
    NaN does: predicting nothing does not leave a pixel out.

    Args:
        folder: of the files.
    """

    description = "depth PNGs of another program"

    def __init__(self, folder: Path):
        self.folder = folder

    def __call__(
        self, pictures: Tensor, indices: Sequence[int], size: tuple[int, int]
    ) -> Predicted:
        """As a :class:`Predictor`.

        Raises:
            DataError: a file is missing, not a 16-bit depth PNG or of another size.
        """
        depths = torch.stack([self._read(index, size) for index in indices])
        return Predicted({UNNAMED: depths.to(pictures.device)})

    def _read(self, index: int, size: tuple[int, int]) -> Tensor:
        path = self.folder / file_name(index)
        if not path.is_file():
            raise DataError(
                f"{path}: no such file; expected depth of the image with the index {index}, a "
                "16-bit PNG in millimetres under the name that python -m training.export gives "
                "the image"
            )
        return torch.from_numpy(read_any_depth(path, f"prediction of index {index}", size))


def file_name(index: int) -> str:
    """File name of an image, and of its depth, by the image's index in its data set."""
    return f"{index:05d}.png"


def open_predictor(
    folder: Path, device: torch.device, camera: Intrinsics, flip: bool = False
) -> Opened:
    """The predictor in a folder: a model folder, or one of predictions, which are PNGs.

    Args:
        folder: of either kind.
        device: of the images.
        camera: of the images.
        flip: as in :class:`NetworkPredictor`.

    Raises:
        DataError: it is neither.
        ModelFolderError: no such folder, or a damaged model.
    """
    if not (folder / CONFIG_NAME).is_file():
        if any(folder.glob("*.png")):
            return PredictionFolder(folder)
        if folder.is_dir():
            raise DataError(
                f"{folder}: expected a model folder ({CONFIG_NAME}) or predictions (PNGs)"
            )
    network, training_camera = load_network(folder, device)
    return NetworkPredictor(network, flip, camera.focal_ratio(training_camera))


def _describe(network: MoADepthClip) -> str:
    config = network.config
    height, width = config.input_size
    parts = [
        f"{Path(config.architecture).stem} with an input of {height}x{width}",
        f"{config.num_experts} experts after blocks {', '.join(map(str, config.moa_layers))}"
        if config.moa_layers
        else "no adapters",
        f"{config.num_bins} {config.bin_spacing} bins from {config.min_depth:g} to "
        f"{config.max_depth:g} m",
        f"{sum(p.numel() for p in network.parameters()) / 1e6:.1f} million parameters",
    ]
    return "; ".join(parts if config.scene_context else [*parts, "no scene context"])
