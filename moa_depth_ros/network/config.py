"""All choices that shape the network, in one dataclass that is stored with its weights."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, Union, get_args

BinSpacing = Literal["uniform", "log", "sid"]


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """What the network is made of; the defaults are the paper's (sections 3 and 4.2).

    Args:
        architecture: name of a ViT that open_clip knows, or path of a model-config JSON in
            open_clip's format. OpenAI's weights were trained with QuickGELU, hence the default.
        pretrained: tag or file of CLIP weights for ``architecture``; ``none`` (or null): random
            weights.
        input_size: height and width of the network's input in pixels, multiples of the patch.
        moa_layers: transformer blocks (counted from 0) that a mixture of adapters follows.
        num_experts: adapters in each mixture, K.
        bottleneck: width of each adapter, d_b.
        gate_hidden: hidden width of the gating network.
        temperature: softmax temperature of the gate, tau in Eq. 2.
        scene_context: whether the heads see the scene context beside the features (section 3.2).
        trainable_blocks: how many of the last blocks are trained, at most as many as there are, or
            ``all`` for the whole image tower including its embeddings (for training from random
            weights).
        num_bins: depth bins of the classification head, N.
        bin_spacing: ``uniform``, ``log`` or ``sid`` (spacing-increasing discretisation).
        min_depth: near end of the bins in metres. For ``log``, use 0.5 or more: equal ratios from 1
            mm on would spend most bins below any real reading.
        max_depth: far end of the bins, and of the regression, in metres.
    """

    architecture: str = "ViT-B-32-quickgelu"
    pretrained: Union[str, None] = "openai"  # noqa: UP007 - read at run time on Python 3.10
    input_size: tuple[int, int] = (224, 224)
    moa_layers: tuple[int, ...] = (2, 5, 8, 11)
    num_experts: int = 4
    bottleneck: int = 64
    gate_hidden: int = 128
    temperature: float = 2.0
    scene_context: bool = True
    trainable_blocks: Union[int, Literal["all"]] = 4  # noqa: UP007
    num_bins: int = 128
    bin_spacing: BinSpacing = "uniform"
    min_depth: float = 1e-3
    max_depth: float = 10.0

    def __post_init__(self) -> None:
        if self.pretrained == "none":
            object.__setattr__(self, "pretrained", None)
        object.__setattr__(self, "input_size", tuple(self.input_size))
        object.__setattr__(self, "moa_layers", tuple(self.moa_layers))
        counts = ("num_experts", "bottleneck", "gate_hidden", "num_bins")
        for name in counts:
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        _require(len(self.input_size) == 2, "input_size", "height and width", self.input_size)
        _require(min(self.input_size) >= 1, "input_size", "positive sizes", self.input_size)
        _require(self.temperature > 0, "temperature", "above 0", self.temperature)
        spacings = get_args(BinSpacing)
        _require(
            self.bin_spacing in spacings, "bin_spacing", f"one of {spacings}", self.bin_spacing
        )
        _require(
            0 < self.min_depth < self.max_depth,
            "min_depth, max_depth",
            "0 < min_depth < max_depth",
            (self.min_depth, self.max_depth),
        )
        ordered = sorted(set(self.moa_layers))
        _require(
            list(self.moa_layers) == ordered and min(ordered, default=0) >= 0,
            "moa_layers",
            "increasing block numbers from 0",
            self.moa_layers,
        )
        blocks = self.trainable_blocks
        _require(
            blocks == "all" or (type(blocks) is int and blocks >= 0),
            "trainable_blocks",
            "a whole number from 0 on, or all",
            blocks,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NetworkConfig:
        """Inverse of :meth:`to_dict`.

        Raises:
            ValueError: an unknown key or a value out of range; the message names it.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"unknown keys {unknown}; known keys: {sorted(known)}")
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"a value has the wrong type: {error}") from error


def _require(condition: bool, name: str, expected: str, found: object) -> None:
    if not condition:
        raise ValueError(f"{name}: expected {expected}, found {found!r}")
