"""What the tables are made with on this machine: the paper's data and weights, or stand-ins."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from moa_depth_ros.machine.file_names import printable
from moa_depth_ros.network import NetworkConfig
from training.alone import alone_in
from training.data.depth_set import DepthSet
from training.data.layouts import layout_of, open_splits
from training.data.nyu_labelled import MAT_NAME, Split
from training.errors import DataError
from training.rooms.sets import write_set
from training.weights import MissingWeightsError, build_network

CONFIGS = Path(__file__).parents[2] / "config" / "training"
OPENAI = "openai"
NYU, ROOMS = Path("data/nyu"), Path("data/rooms")
ROOMS_TO_TRAIN, ROOMS_TO_JUDGE, ROOMS_SEED = 200, 100, 7
_HIRES = (480, 640)
_TOWER = "model.network.architecture"
_LAYOUTS = ("labelled", "folder", "frames", "packed")


@dataclass(frozen=True)
class Setting:
    """What is the same for every row of a table.

    Attributes:
        data: folder of the data set.
        splits: both of its splits, opened.
        configs: configuration files of the trainer; later ones override earlier ones.
        clip: tag or file of CLIP's weights for ViT-B/32; None if they are missing, and every
            backbone starts from random ones.
        hires: the large input of the network.
        title: what the reader must know first: what these figures were measured on.
    """

    data: Path
    splits: Mapping[Split, DepthSet]
    configs: tuple[Path, ...]
    clip: str | None
    hires: tuple[int, int]
    title: str

    def size(self, max_epochs: int | None) -> str:
        """What the reader must know of the scale: images, epochs, batches.

        Args:
            max_epochs: of the training runs; None for the configured number.
        """
        trained, judged = (len(self.splits[name]) for name in ("train", "test"))
        epochs = self.configured["trainer.max_epochs"] if max_epochs is None else max_epochs
        batch = self.configured["data.init_args.batch_size"]
        trainings = f"{epochs} epoch{'s' * (epochs != 1)}, batches of {batch}"
        return f"{trained} training and {judged} test pictures; {trainings}"

    @cached_property
    def content(self) -> dict[str, str]:
        """What distinguishes the images from others in the same place."""
        return {name: _fingerprint(split) for name, split in self.splits.items()}

    @cached_property
    def weights(self) -> str | None:
        """What distinguishes ``clip`` from other weights: the tag, or a digest of the file."""
        if self.clip is None or self.clip == OPENAI:
            return self.clip
        return _digest(Path(self.clip).read_bytes())

    @cached_property
    def configured(self) -> dict[str, Any]:
        """The values of ``configs`` by their dotted names; a tower's file by its digest."""
        values: dict[str, Any] = {}
        for path in self.configs:
            values |= flat(yaml.safe_load(path.read_bytes()))
        tower = CONFIGS.parents[1] / values[_TOWER]
        return {**values, _TOWER: _digest(tower.read_bytes())} if tower.is_file() else values


def find_setting(data: Path | None, pretrained: Path | None = None) -> Setting:
    """The data set and the weights that are available.

    Args:
        data: a data set of any layout but a recording. By default NYU Depth V2 in ``data/nyu``;
            if that is missing, rendered rooms, which are rendered if necessary.
        pretrained: file of CLIP's weights for ViT-B/32; None for OpenAI's from open_clip, or a
            stand-in.

    Raises:
        DataError: ``data`` is of another layout, or damaged.
        TrainingError: another process is rendering the rooms.
        WeightsError: the file has no such weights, or OpenAI's are there but damaged.
    """
    data, rendered = _find_data(data)
    splits = open_splits(data)
    judged = splits["test"]
    shown = "RENDERED ROOMS" if rendered or judged.rendered else printable(str(data))
    measured_on = f"on {shown}, {judged.depth_kind} depth"
    paper = CONFIGS / "paper.yaml"
    if pretrained:
        build_network(NetworkConfig(pretrained=str(pretrained)))
        title = f"{measured_on}, CLIP's weights from {printable(pretrained.name)}"
        return Setting(data, splits, (paper,), str(pretrained), _HIRES, title)
    if _clip_is_there():
        return Setting(data, splits, (paper,), OPENAI, _HIRES, f"{measured_on}, CLIP's weights")
    return Setting(
        data,
        splits,
        (paper, CONFIGS / "stand_in.yaml"),
        None,
        (216, 288),
        f"{measured_on}, a TINY TOWER WITH RANDOM WEIGHTS instead of CLIP's (in zero-shot rows "
        "towers of full size, RANDOM, too): not comparable with the paper",
    )


def _find_data(data: Path | None) -> tuple[Path, bool]:
    """A data set that tables are made on, and whether its rooms stand in for NYU Depth V2."""
    rendered = data is None and not (NYU / MAT_NAME).is_file()
    if data is None:
        data = ROOMS if rendered else NYU
    if rendered and not (data / MAT_NAME).is_file():
        print(f"{NYU / MAT_NAME} is not there: rendering rooms into {data} instead.")
        with alone_in(data, MAT_NAME):
            if not (data / MAT_NAME).is_file():  # by now: another process may have finished
                write_set(data, ROOMS_TO_TRAIN, ROOMS_TO_JUDGE, ROOMS_SEED)
    layout = layout_of(data)
    if layout not in _LAYOUTS or (layout == "labelled" and not data.is_dir()):
        raise DataError(
            f"{data}: expected one of {', '.join(_LAYOUTS)}, found "
            f"{'a file: name its folder' if layout == 'labelled' else f'a {layout}'}"
        )
    return data, rendered


def _fingerprint(split: DepthSet) -> str:
    """The number of images and the bytes of three."""
    parts = [str(len(split)).encode()]
    for item in (0, len(split) // 2, len(split) - 1):
        sample = split[item]
        parts += [sample["picture"].numpy().tobytes(), sample["depth"].numpy().tobytes()]
    return _digest(b"".join(parts))


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of nested mappings, by their dotted names."""
    values: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        values |= flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return values


def _digest(content: bytes) -> str:
    """A short one, to tell whether content is the same."""
    return hashlib.sha256(content).hexdigest()[:16]


def _clip_is_there() -> bool:
    try:
        build_network(NetworkConfig(pretrained=OPENAI))
    except MissingWeightsError as error:
        print(f"{str(error).splitlines()[0]}\nA tiny random tower is used instead.")
        return False
    return True
