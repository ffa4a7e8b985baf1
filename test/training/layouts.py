"""Small data sets in every layout but the labelled file, as their authors arrange them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import h5py
import numpy as np

HEIGHT, WIDTH = 6, 8
FOCAL = 9.5


def colour(seed: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """(H, W, 3) uint8 RGB."""
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def millimetres(seed: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """(H, W) uint16 with a hole in the first corner."""
    depth = np.random.default_rng(seed).integers(700, 9000, size, dtype=np.uint16)
    depth[0, 0] = 0
    return depth


def write_png(path: Path, pixels: np.ndarray) -> None:
    """(H, W, 3) RGB or (H, W) grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)


def write_list(root: Path, name: str, lines: Sequence[str]) -> Path:
    """A list file."""
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("".join(f"{line}\n" for line in lines))
    return root / name


def write_folder(root: Path, train: int = 4, test: int = 2) -> Path:
    """The folder layout: ``sync`` with leading slashes in its list, and the official test."""
    splits = (
        ("sync", "/kitchen_0028b", "nyudepthv2_train_files_with_gt.txt", train, 0),
        ("official_splits/test", "bathroom", "nyudepthv2_test_files_with_gt.txt", test, 100),
    )
    for pictures, scene, list_name, count, seed in splits:
        lines = []
        for number in range(count):
            names = f"{scene}/rgb_{number:05d}.png", f"{scene}/sync_depth_{number:05d}.png"
            write_png(root / pictures / names[0].lstrip("/"), colour(seed + number))
            write_png(root / pictures / names[1].lstrip("/"), millimetres(seed + number))
            lines.append(f"{names[0]} {names[1]} {FOCAL}")
        write_list(root, list_name, lines)
    return root


def write_frame(path: Path, **content: np.ndarray) -> Path:
    """One .h5 file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for key, value in content.items():
            file[key] = value
    return path


def write_frames(root: Path, train: int = 4, val: int = 2) -> Path:
    """The tree of .h5 files; frame n has colour(n) and millimetres(n)."""
    for scene, count, seed in (("train/study_0003", train, 0), ("val/official", val, 100)):
        for number in range(count):
            write_frame(
                root / scene / f"{number + 1:05d}.h5",
                rgb=colour(seed + number).transpose(2, 0, 1),
                depth=(millimetres(seed + number) / 1000).astype(np.float32),
            )
    return root


def write_recording(root: Path, count: int = 10) -> Path:
    """A recording with frame_0 to frame_9 and beyond, not padded, and a camera matrix."""
    for number in range(count):
        write_png(root / "images" / f"frame_{number}.png", colour(number))
        write_png(root / "depth" / f"frame_{number}.png", millimetres(number))
    (root / "K.txt").write_text("9.5 0 3.5\n0 9.25 2.5\n0 0 1\n")
    return root
