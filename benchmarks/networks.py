"""The network compared with depth networks of ``transformers``: ``python -m benchmarks.networks``.

They are built from their configurations with random weights, which take the same time as trained
ones; nothing is downloaded. Each gets the input that its own preprocessing makes of a 640x480
image, on the same device, in the same precision, in turns, so that a busy machine slows down all of
them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from moa_depth_ros.command_line import add_device_option, at_least
from moa_depth_ros.estimator import PRECISIONS
from moa_depth_ros.machine.report import describe
from moa_depth_ros.machine.timing import seconds_of
from moa_depth_ros.network import InferenceNetwork, MoADepthClip, NetworkConfig

WARM_UP = 3  # libraries choose their kernels, a GPU raises its clock
OURS = "MoA-DepthCLIP ViT-B/32"


def _depth_anything_v2(hidden: int, heads: int, neck: list[int], fusion: int) -> nn.Module:
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

    backbone = Dinov2Config(
        image_size=518,
        patch_size=14,
        hidden_size=hidden,
        num_attention_heads=heads,
        out_indices=[3, 6, 9, 12],
        apply_layernorm=True,
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=hidden,
        neck_hidden_sizes=neck,
        fusion_hidden_size=fusion,
    )
    return DepthAnythingForDepthEstimation(config)


def _dpt_large() -> nn.Module:
    from transformers import DPTConfig, DPTForDepthEstimation

    config = DPTConfig(
        hidden_size=1024,
        num_hidden_layers=24,
        num_attention_heads=16,
        intermediate_size=4096,
        image_size=384,
        backbone_out_indices=[5, 11, 17, 23],
        neck_hidden_sizes=[256, 512, 1024, 1024],
        is_hybrid=False,
    )
    return DPTForDepthEstimation(config)


def _zoedepth() -> nn.Module:
    from transformers import ZoeDepthConfig, ZoeDepthForDepthEstimation

    return ZoeDepthForDepthEstimation(ZoeDepthConfig())  # its own default is NYU's, BEiT-L


def _glpn() -> nn.Module:
    from transformers import GLPNConfig, GLPNForDepthEstimation

    return GLPNForDepthEstimation(
        GLPNConfig(depths=[3, 8, 27, 3], hidden_sizes=[64, 128, 320, 512])
    )


OTHERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int]]] = {
    "Depth Anything V2 small": (
        lambda: _depth_anything_v2(384, 6, [48, 96, 192, 384], 64),
        (518, 686),
    ),
    "Depth Anything V2 base": (
        lambda: _depth_anything_v2(768, 12, [96, 192, 384, 768], 128),
        (518, 686),
    ),
    "DPT large": (_dpt_large, (384, 384)),
    "ZoeDepth": (_zoedepth, (384, 512)),
    "GLPN": (_glpn, (480, 640)),
}
"""For each, the function that builds it, and the height and width of its input."""


def measure(others: list[str], device: torch.device, dtype: torch.dtype, runs: int) -> None:
    """Print the table."""
    entrants = {OURS: _ours(device, dtype)}
    for name in others:
        build, size = OTHERS[name]
        pictures = torch.rand(1, 3, *size, device=device, dtype=dtype)
        entrants[name] = build().eval().to(device, dtype), pictures
    seconds: dict[str, list[float]] = {name: [] for name in entrants}
    for run in range(WARM_UP + runs):
        for name, (network, pictures) in entrants.items():
            taken = seconds_of(partial(network, pictures), device)
            if run >= WARM_UP:
                seconds[name].append(taken)
    ours = float(np.median(seconds[OURS]))
    for name, (network, pictures) in entrants.items():
        height, width = pictures.shape[-2:]
        millions = sum(parameter.numel() for parameter in network.parameters()) / 1e6
        median = float(np.median(seconds[name]))
        print(
            f"| {name} | {width}x{height} | {millions:.1f} | {_gigaflops(network, pictures):.1f} "
            f"| {median * 1e3:.2f} | {median / ours:.2f} |"
        )


def _ours(device: torch.device, dtype: torch.dtype) -> tuple[nn.Module, torch.Tensor]:
    config = NetworkConfig(pretrained=None)
    network = InferenceNetwork(MoADepthClip(config), dtype).to(device)
    return network, torch.rand(1, 3, *config.input_size, device=device)  # it casts by itself


def _gigaflops(network: nn.Module, pictures: torch.Tensor) -> float:
    """GFLOPs of matrix products and convolutions: 2 per multiplication with its addition."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # the counter can't see into either of them
    try:
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            network(pictures)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
    return counter.get_total_flops() / 1e9


def main() -> int:
    """Returns the exit status."""
    options = _parser().parse_args()
    try:
        import transformers
    except ImportError:
        print(
            "error: the other networks come from transformers, which is not installed: "
            "pip install transformers",
            file=sys.stderr,
        )
        return 1
    transformers.logging.set_verbosity_error()
    others = options.networks or list(OTHERS)
    print(
        f"batch 1, {options.precision}, {options.runs} runs; {describe(options.device)}, "
        f"transformers {transformers.__version__}\n"
    )
    print("| network | input | million parameters | GFLOPs | median ms | ratio |")
    print("|" + "---|" * 6, flush=True)
    with torch.inference_mode():
        measure(others, options.device, PRECISIONS[options.precision], options.runs)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.networks",
        description="Time the paper's network against depth networks of transformers (pip install "
        "transformers), all with random weights. Networks alone: no graph, no copies. Prints a "
        "Markdown table.",
    )
    parser.add_argument("--networks", nargs="+", choices=list(OTHERS), help="default: all")
    add_device_option(parser)
    parser.add_argument("--precision", default="float32", choices=list(PRECISIONS))
    parser.add_argument(
        "--runs", type=at_least(1), default=10, help="measured runs (default: %(default)s)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
