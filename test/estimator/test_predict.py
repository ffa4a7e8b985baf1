import dataclasses
import os

import numpy as np
import pytest
import torch

from moa_depth_ros import predict
from moa_depth_ros.estimator import DEMO_MODEL
from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.machine.device_memory import OutOfMemoryError
from moa_depth_ros.network import MoADepthClip, save_network
from moa_depth_ros.pictures.files import read_depth_png, read_picture, write_picture
from moa_depth_ros.predict import main
from test.network.tiny import tiny_config

CAMERA = """
image_width: 640
image_height: 480
camera_matrix: {rows: 3, cols: 3, data: [518.0, 0, 325.0, 0, 519.0, 253.0, 0, 0, 1]}
"""


def test_writes_depth_colours_and_cloud(tmp_path, capsys):
    torch.manual_seed(0)
    save_network(MoADepthClip(tiny_config(tmp_path)), tmp_path / "model", NYU_KINECT)
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    write_picture(tmp_path / "hall.jpg", noise)
    (tmp_path / "camera.yaml").write_text(CAMERA)
    options = ["--model", str(tmp_path / "model"), "--camera", str(tmp_path / "camera.yaml")]
    assert main([str(tmp_path / "hall.jpg"), *options, "--out", str(tmp_path / "out")]) == 0
    depth = read_depth_png(tmp_path / "out" / "hall_depth.png")
    assert depth.shape == (48, 64) and (depth > 0).all()
    assert (tmp_path / "out" / "hall_depth_colour.png").stat().st_size > 1000
    assert b"element vertex 3072\n" in (tmp_path / "out" / "hall.ply").read_bytes()[:200]
    assert "median" in capsys.readouterr().out


def test_a_bad_picture_does_not_keep_the_others_from_being_read(tmp_path, capsys):
    paths = [tmp_path / name for name in ("a.png", "gone.png", "b.png")]
    for path in (paths[0], paths[2]):
        write_picture(path, np.zeros((12, 16, 3), np.uint8))
    assert main([*map(str, paths), "--device", "cpu"]) == 1
    assert (tmp_path / "a_depth.png").is_file() and (tmp_path / "b_depth.png").is_file()
    assert "gone.png: expected an image (PNG, JPEG, ...), found no such file" in (
        capsys.readouterr().err
    )


def test_a_picture_too_large_for_memory_is_named_and_the_others_go_on(
    tmp_path, capsys, monkeypatch
):
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / name, np.zeros((12, 16, 3), np.uint8))

    def read(path, upright):
        if path.name == "a.png":
            raise MemoryError("Unable to allocate 280. MiB")
        return read_picture(path, upright)

    monkeypatch.setattr(predict, "read_picture", read)
    assert main([str(tmp_path / "a.png"), str(tmp_path / "b.png"), "--device", "cpu"]) == 1
    assert f"error: {tmp_path / 'a.png'}: Unable to allocate" in capsys.readouterr().err
    assert (tmp_path / "b_depth.png").is_file()


def test_where_memory_is_out_it_is_freed_for_another_try(tmp_path, capsys, monkeypatch):
    """The memory that graphs for images of other sizes keep on a GPU."""
    estimate, kept = predict.DepthEstimator.estimate, ["other sizes"]

    def estimate_in_room(self, *arguments, **options):
        if kept:
            raise OutOfMemoryError("CUDA out of memory.")
        return estimate(self, *arguments, **options)

    monkeypatch.setattr(predict.DepthEstimator, "estimate", estimate_in_room)
    monkeypatch.setattr(predict.DepthEstimator, "clear_graphs", lambda self: kept.clear())
    write_picture(tmp_path / "picture.png", np.zeros((40, 60, 3), np.uint8))
    assert main([str(tmp_path / "picture.png")]) == 0
    assert (tmp_path / "picture_depth.png").is_file()
    monkeypatch.setattr(predict.DepthEstimator, "clear_graphs", lambda self: None)
    kept.append("another program's")
    assert main([str(tmp_path / "picture.png")]) == 1
    assert "picture.png: CUDA out of memory." in capsys.readouterr().err


def test_a_warning_is_one_line(tmp_path, capsys):
    write_picture(tmp_path / "a.png", np.zeros((12, 16, 3), np.uint8))
    lens = CAMERA + "distortion_coefficients: {data: [-0.4, 0.2, 0]}"
    (tmp_path / "camera.yaml").write_text(lens)
    options = ["--camera", str(tmp_path / "camera.yaml"), "--model", str(DEMO_MODEL)]
    assert main([str(tmp_path / "a.png"), *options, "--device", "cpu"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: {tmp_path}/camera.yaml: this lens distorts")


def test_pictures_whose_results_would_replace_each_other_are_refused(tmp_path, capsys):
    for name in ("front", "rear"):
        write_picture(tmp_path / name / "1.png", np.zeros((12, 16, 3), np.uint8))
    pictures = [str(tmp_path / name / "1.png") for name in ("front", "rear")]
    assert main([*pictures, "--out", str(tmp_path / "out")]) == 1
    assert "rear/1.png: both would be" in capsys.readouterr().err
    assert main(pictures) == 0


def test_two_names_of_one_folder_are_one_folder(tmp_path, capsys):
    for name in ("1.png", "1.bmp"):
        write_picture(tmp_path / "front" / name, np.zeros((12, 16, 3), np.uint8))
    (tmp_path / "rear").symlink_to("front")
    pictures = [str(tmp_path / name) for name in ("front/1.png", "rear/1.bmp")]
    assert main(pictures) == 1
    assert "rear/1.bmp: both would be" in capsys.readouterr().err


def test_odd_names_and_links(tmp_path, capsys):
    """A name that isn't UTF-8, where the terminal accepts only UTF-8, and a link to itself."""
    latin, loop = tmp_path / os.fsdecode(b"caf\xe9.png"), tmp_path / "loop.png"
    write_picture(latin, np.zeros((12, 16, 3), np.uint8))
    loop.symlink_to(loop.name)
    assert main([str(loop), str(latin), "--model", str(DEMO_MODEL), "--device", "cpu"]) == 1
    found = capsys.readouterr()
    assert (
        found.err
        == f"error: {loop}: expected an image (PNG, JPEG, ...), found an unreadable file\n"
    )
    assert found.out.startswith(f"{tmp_path}/caf\\xe9.png: depth ")
    assert read_depth_png(tmp_path / os.fsdecode(b"caf\xe9_depth.png")).shape == (12, 16)


@pytest.mark.parametrize("suffix", [".bmp", ".gif", ".webp", ".tiff"])
def test_other_forms_than_png_and_jpeg(tmp_path, suffix):
    write_picture(tmp_path / f"hall{suffix}", np.zeros((24, 32, 3), np.uint8))
    assert main([str(tmp_path / f"hall{suffix}"), "--device", "cpu"]) == 0
    assert read_depth_png(tmp_path / "hall_depth.png").shape == (24, 32)


def test_sixteen_bits_a_colour_are_seen_as_eight(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    write_picture(tmp_path / "eight.png", noise)
    write_picture(tmp_path / "sixteen.png", noise.astype(np.uint16) * 256)
    assert main([*(str(tmp_path / f"{name}.png") for name in ("eight", "sixteen"))]) == 0
    depths = [read_depth_png(tmp_path / f"{name}_depth.png") for name in ("eight", "sixteen")]
    np.testing.assert_array_equal(*depths)


def test_a_folder_that_cannot_be_written(tmp_path, capsys):
    write_picture(tmp_path / "hall.png", np.zeros((12, 16, 3), np.uint8))
    before = (tmp_path / "hall.png").read_bytes()
    command = [str(tmp_path / "hall.png"), "--device", "cpu"]
    assert main([*command, "--out", str(tmp_path / "hall.png")]) == 1
    warning, error = capsys.readouterr().err.splitlines()
    assert warning.startswith("warning: no --model given: the demo model was trained only on")
    assert error.startswith("error: ") and "hall.png" in error
    assert (tmp_path / "hall.png").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["hall.png"]


def test_a_picture_is_not_replaced_by_the_depth_of_another(tmp_path, capsys):
    pictures = [tmp_path / "room.png", tmp_path / "room_depth.png"]
    for path in pictures:
        write_picture(path, np.zeros((12, 16, 3), np.uint8))
    before = pictures[1].read_bytes()
    assert main([*map(str, pictures), "--device", "cpu"]) == 1
    assert "room_depth.png would be replaced" in capsys.readouterr().err
    assert pictures[1].read_bytes() == before
    assert main([*map(str, pictures), "--device", "cpu", "--out", str(tmp_path / "out")]) == 0


def test_the_camera_of_other_pictures_is_refused(tmp_path, capsys):
    write_picture(tmp_path / "tall.png", np.zeros((64, 48, 3), np.uint8))
    (tmp_path / "camera.yaml").write_text(CAMERA)
    options = ["--camera", str(tmp_path / "camera.yaml"), "--device", "cpu"]
    assert main([str(tmp_path / "tall.png"), *options]) == 1
    assert "tall.png: 48x64 pixels do not fit this camera" in capsys.readouterr().err


def test_errors_are_one_line(tmp_path, capsys):
    assert main(["nothing.jpg", "--model", str(tmp_path / "none")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1


def test_a_camera_scales_depth_and_gives_the_cloud_its_shape(tmp_path):
    torch.manual_seed(0)
    save_network(MoADepthClip(tiny_config(tmp_path)), tmp_path / "model", NYU_KINECT)
    write_picture(
        tmp_path / "hall.png",
        np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8),
    )
    k = NYU_KINECT
    (tmp_path / "camera.yaml").write_text(
        "image_width: 640\nimage_height: 480\n"
        f"camera_matrix: {{data: [{2 * k.fx}, 0, {k.cx}, 0, {2 * k.fy}, {k.cy}, 0, 0, 1]}}"
    )
    command = [str(tmp_path / "hall.png"), "--model", str(tmp_path / "model"), "--device", "cpu"]
    assert main([*command, "--out", str(tmp_path / "plain")]) == 0
    assert (
        main([*command, "--out", str(tmp_path / "tele"), "--camera", str(tmp_path / "camera.yaml")])
        == 0
    )
    plain, tele = (read_depth_png(tmp_path / name / "hall_depth.png") for name in ("plain", "tele"))
    np.testing.assert_allclose(tele, 2 * plain, atol=0.0021)
    body = (tmp_path / "tele" / "hall.ply").read_bytes().partition(b"end_header\n")[2]
    points = np.frombuffer(body, [("xyz", "<f4", 3), ("rgb", "u1", 3)])["xyz"].reshape(48, 64, 3)
    small = dataclasses.replace(k, fx=2 * k.fx, fy=2 * k.fy).resized(64, 48)
    np.testing.assert_allclose(points[..., 2], tele, atol=0.001)
    np.testing.assert_allclose(
        points[10, 50, 0] / points[10, 50, 2], (50 - small.cx) / small.fx, rtol=1e-5
    )
