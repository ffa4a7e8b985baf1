"""The decoding kernel compiles to machine code for each generation of GPUs, without a GPU."""

import subprocess

import pytest

triton = pytest.importorskip("triton")
from triton.backends.compiler import GPUTarget  # noqa: E402 - where there is Triton
from triton.compiler import ASTSource  # noqa: E402

from moa_depth_ros.network.fused_decoding_cuda import _decode, tile_of  # noqa: E402

GENERATIONS = {"T4": 75, "A100": 80, "Orin": 87, "RTX 40": 89, "H100": 90, "B200": 100}


def compile_for(generation: int, cells: str, bins: int) -> dict[str, str | bytes]:
    """The code by stage of compilation."""
    pixels, channels = tile_of(bins)
    integers = ("grid_height", "grid_width", "height", "width", "bins")
    numbers = ("row_scale", "column_scale", "max_depth")
    tile = {"TILE_PIXELS": pixels, "TILE_BINS": channels}
    signature = {
        "cells": cells,
        "centres": "*fp32",
        "maps": "*fp32",
        **dict.fromkeys(integers, "i32"),
        **dict.fromkeys(numbers, "fp32"),
        **dict.fromkeys(tile, "constexpr"),
    }
    source = ASTSource(fn=_decode, signature=signature, constexprs=tile)
    return triton.compile(source, target=GPUTarget("cuda", generation, 32)).asm


@pytest.fixture(autouse=True)
def no_cache(monkeypatch, tmp_path):
    """Anything compiled earlier would prove nothing."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))


@pytest.mark.parametrize("generation", GENERATIONS.values(), ids=GENERATIONS)
def test_every_generation_has_code(generation):
    cells = "*bf16" if generation >= 80 else "*fp16"
    assert compile_for(generation, cells, 128)["cubin"]


@pytest.mark.parametrize("bins", [2, 10, 64, 128, 200, 256])
@pytest.mark.parametrize("cells", ["*fp32", "*bf16"])
def test_what_a_program_holds_stays_in_registers(tmp_path, cells, bins):
    """On an H100."""
    ptx, code = tmp_path / "kernel.ptx", tmp_path / "kernel.cubin"
    ptx.write_text(compile_for(90, cells, bins)["ptx"])
    command = [triton.knobs.nvidia.ptxas.path, "-v", "--gpu-name", "sm_90a", ptx, "-o", code]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert "0 bytes spill stores, 0 bytes spill loads" in said
