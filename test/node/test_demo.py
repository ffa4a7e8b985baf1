"""The demo end to end, and the films that its camera shows."""

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from demo import camera, frames
from demo.frames import Folder
from demo.processes import ROOT
from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.pictures.files import write_depth_png, write_picture
from test.node.harness import colourful


def run_demo(*arguments):
    command = [sys.executable, "-m", "demo.run", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)


def film(folder, count=3, width=320, height=240):
    """A folder with images/ and depth/, in which every depth is 2.5 m with a hole."""
    depth = np.full((height, width), 2.5, np.float32)
    depth[:20] = 0
    for number in range(count):
        write_picture(folder / "images" / f"{number:03}.png", colourful(width, height, number))
        write_depth_png(folder / "depth" / f"{number:03}.png", depth)
    return folder


def test_the_demo_loses_nothing_and_leaves_pictures_and_a_cloud(tiny_model, tmp_path):
    out = tmp_path / "out"
    ended = run_demo(
        *("--images", film(tmp_path / "film"), "--model", tiny_model, "--out", out),
        *("--seconds", 3, "--rate", 5),
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "published 15, received by the node 15 (lost in transport 0)" in ended.stdout
    assert "against the ground truth of 15 frames: AbsRel" in ended.stdout
    assert "latency    camera to viewer: depth median" in ended.stdout
    viewer = json.loads((out / "viewer.json").read_text())
    assert len(viewer["depth_latency"]) == len(viewer["cloud_latency"]) > 0
    assert cv2.imread(str(out / "depth.png")).shape[1] > 600
    header, _, body = (out / "cloud.ply").read_bytes().partition(b"end_header\n")
    assert f"element vertex {320 * 240}".encode() in header
    assert len(body) == 320 * 240 * 15


def test_the_demo_says_what_failed(tmp_path):
    ended = run_demo("--images", tmp_path / "gone", "--out", tmp_path / "out")
    assert ended.returncode == 1
    assert f"camera: {tmp_path / 'gone'}: no such folder" in ended.stderr
    assert "demo: the camera failed with status 1" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_rendered_rooms_have_exact_depth(monkeypatch):
    monkeypatch.setattr(frames, "RENDER_SECONDS", 0.0)
    rooms = frames.Rooms()
    assert len(rooms) == 1
    assert rooms[0].picture.shape == (480, 640, 3)
    assert rooms[0].depth.shape == (480, 640)
    assert (rooms[0].depth > 0).all()


def test_a_folder_with_images_and_depth_and_a_camera_matrix(tmp_path):
    film(tmp_path)
    np.savetxt(tmp_path / "K.txt", [[300, 0, 160], [0, 310, 120], [0, 0, 1]])
    for folder in (tmp_path, tmp_path / "images"):
        source = Folder(folder)
        assert (source.camera.fx, source.camera.cy, len(source)) == (300, 120, 3)
        np.testing.assert_array_equal(source[1].picture, colourful(320, 240, 1))
        assert source[1].depth[100, 100] == 2.5


def test_depth_of_another_size_is_named(tmp_path):
    film(tmp_path)
    write_depth_png(next((tmp_path / "depth").iterdir()), np.full((24, 32), 3.0))
    with pytest.raises(ValueError, match=r"depth.*png: expected the size of .*found 32x24"):
        list(Folder(tmp_path))


def test_a_folder_of_pairs(tmp_path):
    write_picture(tmp_path / "rgb_00000.jpg", colourful(640, 480))
    write_picture(tmp_path / "rgb_00050.jpg", colourful(640, 480))
    write_depth_png(tmp_path / "sync_depth_00050.png", np.full((480, 640), 3.0))
    source = Folder(tmp_path)
    assert [source[i].depth is None for i in range(len(source))] == [True, False]
    assert source.camera == NYU_KINECT
    assert "Kinect" in source.text


def test_a_folder_of_mere_pictures_admits_that_it_guesses(tmp_path):
    write_picture(tmp_path / "a.png", colourful(200, 100))
    source = Folder(tmp_path)
    assert source.camera.fx == pytest.approx(100 / np.tan(np.pi / 6))
    assert "intrinsics: NOT KNOWN" in source.text
    assert "guessed as 60 degrees across" in source.text


@pytest.mark.parametrize("place", [".", "images"])
def test_a_calibration_that_lies_there_is_taken(tmp_path, place):
    write_picture(tmp_path / "images" / "a.png", colourful(320, 240))
    shutil.copy(ROOT / "config" / "pictures" / "camera.yaml", tmp_path / place / "camera.yaml")
    source = Folder(tmp_path)
    assert source.camera == NYU_KINECT.resized(320, 240)
    assert source.text.endswith("camera.yaml")


def test_a_folder_without_pictures_is_named(tmp_path):
    with pytest.raises(ValueError, match=f"{tmp_path}: no .*images"):
        Folder(tmp_path)
    with pytest.raises(ValueError, match="gone: no such folder"):
        Folder(tmp_path / "gone")


class Numbers(list):
    """A film whose images are their numbers."""

    camera = NYU_KINECT


@pytest.mark.parametrize("expected", [[0, 1, 2, 1, 0, 1, 2], [0, 1, 0, 1, 0, 1, 0], [0] * 7])
def test_the_film_runs_there_and_back(expected):
    shown = []
    screen = SimpleNamespace(publish=lambda view, info: shown.append(view))
    source = Numbers(range(max(expected) + 1))
    assert camera.film(screen, source, 1000, 0.007, SimpleNamespace(asked=0)) == 7
    assert shown == expected
