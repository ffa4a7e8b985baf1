import os
import resource
import struct
import zlib
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from moa_depth_ros.pictures import drawing, files, ply


def test_depth_png_round_trip(tmp_path):
    depth = np.array([[0.0, np.nan, np.inf], [1.2344, 65.535, 99.0], [1.2346, 2, 3]], np.float32)
    files.write_depth_png(tmp_path / "depth.png", depth)
    found = files.read_depth_png(tmp_path / "depth.png")
    np.testing.assert_allclose(found, [[0, 0, 0], [1.234, 65.535, 0], [1.235, 2, 3]], rtol=1e-6)


def test_reading_something_else_names_the_file(tmp_path):
    grey = tmp_path / "grey.png"
    files.write_picture(grey, np.zeros((2, 2), np.uint8))
    with pytest.raises(ValueError, match=r"grey\.png: expected a 16-bit depth PNG.*uint8"):
        files.read_depth_png(grey)
    colour = tmp_path / "colour.png"
    files.write_picture(colour, np.zeros((2, 2, 3), np.uint16))
    with pytest.raises(ValueError, match=r"colour\.png: expected a 16-bit depth PNG.*\(2, 2, 3\)"):
        files.read_depth_png(colour)
    with pytest.raises(ValueError, match=r"none\.png"):
        files.read_depth_png(tmp_path / "none.png")
    with pytest.raises(ValueError, match=r"none\.jpg"):
        files.read_picture(tmp_path / "none.jpg")


def test_a_file_whose_name_is_not_utf_8_is_read_like_any_other(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    files.write_depth_png(path, np.full((2, 3), 1.5))
    np.testing.assert_allclose(files.read_depth_png(path), np.full((2, 3), 1.5))
    files.write_picture(path, np.full((2, 3, 3), 7, np.uint8))
    assert (files.read_picture(path) == 7).all()
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"\.png: expected a 16-bit depth PNG"):
        files.read_depth_png(path)


def test_colours_are_red(tmp_path):
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 200
    files.write_picture(tmp_path / "red.png", red)
    assert np.array_equal(files.read_picture(tmp_path / "red.png"), red)


def test_colour_map_tells_near_from_far_and_nothing():
    near, far, none = drawing.colour_depth(np.array([[0.5, 5.0, np.nan]]), 0.5, 5.0)[0]
    assert near[0] > near[2] and far[2] > far[0]  # red and blue
    assert none.tolist() == [0, 0, 0]


def test_what_is_unsure_is_brighter_up_to_the_end_of_the_scale():
    sure, unsure, more = drawing.colour_uncertainty(np.array([[0.0, 0.5, 2.0]]), 0.5)[0].astype(int)
    assert sure.sum() < 30 < unsure.sum()
    assert (unsure == more).all()
    assert (drawing.colour_uncertainty(np.array([[np.nan]]), 0.5) == 128).all()


def test_ply_holds_the_finite_points(tmp_path):
    points = np.array([[1, 2, 3], [np.nan, 0, 0], [4, 5, 6]], np.float32)
    colours = np.array([[10, 20, 30], [0, 0, 0], [40, 50, 60]], np.uint8)
    path = tmp_path / "cloud.ply"
    ply.write_ply(path, points, colours)
    header, _, body = path.read_bytes().partition(b"end_header\n")
    assert header.startswith(b"ply\nformat binary_little_endian 1.0\nelement vertex 2\n")
    kinds = {"names": ["xyz", "rgb"], "formats": [("<f4", 3), ("u1", 3)]}
    vertices = np.frombuffer(body, np.dtype(kinds))
    assert vertices["xyz"].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert vertices["rgb"].tolist() == [[10, 20, 30], [40, 50, 60]]


@contextmanager
def room_for(size: int):
    """No file grows beyond this many bytes, like on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_leaves_the_files_that_were_there(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    writers = {
        "a.png": lambda path: files.write_picture(path, picture),
        "a.ply": lambda path: ply.write_ply(path, picture.astype(np.float32), picture),
        "panel.png": lambda path: drawing.write_panel(path, [[("colour", picture)]]),
    }
    for name, write in writers.items():
        path = tmp_path / name
        path.write_bytes(b"before")
        with room_for(1000), pytest.raises(OSError, match="too large"):
            write(path)
        assert path.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(writers)


def test_panel_is_a_picture_with_a_scale(tmp_path):
    colour = np.full((20, 30, 3), 128, np.uint8)
    depth = np.linspace(1, 5, 600, dtype=np.float32).reshape(20, 30)
    drawing.write_panel(
        tmp_path / "panel.png", [[("colour", colour), ("depth", depth)], [("a", depth)]]
    )
    drawn = files.read_picture(tmp_path / "panel.png")
    assert drawn.shape[0] > 300 and drawn.std() > 10


@pytest.mark.parametrize(("upright", "shape"), [(False, (4, 8, 3)), (True, (8, 4, 3))])
def test_exif_turns_a_picture_only_where_it_is_asked_for(tmp_path, upright, shape):
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\6" + bytes(6)
    jpeg = cv2.imencode(".jpg", np.zeros((4, 8, 3), np.uint8))[1].tobytes()
    marker = b"\xff\xe1" + (2 + len(exif)).to_bytes(2, "big") + exif
    (tmp_path / "turned.jpg").write_bytes(jpeg[:2] + marker + jpeg[2:])
    assert files.read_picture(tmp_path / "turned.jpg", upright).shape == shape


def test_a_jpeg_that_is_cut_off_is_refused(tmp_path):
    """OpenCV would fill up the rest with grey."""
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    files.write_picture(tmp_path / "whole.jpg", noise)
    data = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    assert files.read_picture(tmp_path / "whole.jpg").shape == (48, 64, 3)
    with pytest.raises(ValueError, match=r"cut\.jpg: expected a whole JPEG"):
        files.read_picture(tmp_path / "cut.jpg")


def test_a_picture_that_is_too_large_is_refused(tmp_path):
    files.write_picture(tmp_path / "small.png", np.zeros((2, 2), np.uint8))
    data = (tmp_path / "small.png").read_bytes()
    header = b"IHDR" + struct.pack(">II", 60_000, 60_000) + data[24:29]
    rest = struct.pack(">I", zlib.crc32(header)) + data[33:]
    (tmp_path / "huge.png").write_bytes(data[:12] + header + rest)
    for read in (files.read_picture, files.read_depth_png):
        with pytest.raises(ValueError, match=r"huge\.png"):
            read(tmp_path / "huge.png")


def test_a_panels_scale_reaches_from_the_nearest_depth_to_the_farthest(tmp_path, monkeypatch):
    scales, colour_depth = [], drawing.colour_depth
    monkeypatch.setattr(
        drawing, "colour_depth", lambda *a: scales.append(a[1:]) or colour_depth(*a)
    )
    near, far = (np.linspace(low, low + 1, 600).reshape(20, 30) for low in (1, 4))
    nothing = np.full((20, 30), np.nan)
    drawing.write_panel(tmp_path / "panel.png", [[("a", near), ("b", far), ("c", nothing)]])
    assert scales == [pytest.approx((1.01, 4.99))] * 3
