"""Cameras in files."""

import pytest

from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.pictures.camera_files import read_camera_matrix, read_camera_yaml

CAMERA_INFO = """
image_width: 640
image_height: 480
camera_matrix: {rows: 3, cols: 3, data: [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]}
distortion_model: plumb_bob
projection_matrix: {rows: 3, cols: 4, data: [%s]}
"""
PROJECTION = "480.0, 0.0, 322.0, 0.0, 0.0, 490.0, 238.0, 0.0, 0.0, 0.0, 1.0, 0.0"
ZEROS = ", ".join(["0.0"] * 12)


@pytest.mark.parametrize(
    ("projection", "expected"),
    [(PROJECTION, (480.0, 490.0, 322.0, 238.0)), (ZEROS, (500.0, 510.0, 320.0, 240.0))],
)
def test_yaml_takes_the_projection_matrix_unless_it_is_zero(tmp_path, projection, expected):
    path = tmp_path / "camera.yaml"
    path.write_text(CAMERA_INFO % projection)
    assert read_camera_yaml(path) == Intrinsics(640, 480, *expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image_width: 640", "image_height"),
        ("- a list", "camera_info file"),
        ("a: [", "not a YAML file"),
        ("", "camera_info file"),
        ("image_width: 64\nimage_height: 48\nprojection_matrix:", "camera_info file"),
        (CAMERA_INFO.replace("500.0", "0.0") % ZEROS, "positive focal lengths"),
        (CAMERA_INFO.replace("500.0", ".nan") % ZEROS, "finite"),
        (CAMERA_INFO.replace("500.0", "wide") % ZEROS, "not convert string to float: 'wide'"),
        (CAMERA_INFO.replace("640", ".nan") % ZEROS, "positive image size in pixels, found nan"),
        (CAMERA_INFO.replace("640", ".inf") % ZEROS, "positive image size in pixels, found inf"),
        (CAMERA_INFO.replace("640", "640.5") % ZEROS, "positive image size in pixels"),
        (f"{CAMERA_INFO % ZEROS}---\n{CAMERA_INFO % ZEROS}", "expected a single document"),
    ],
)
def test_a_bad_file_is_named(tmp_path, text, message):
    path = tmp_path / "camera.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        read_camera_yaml(path)
    assert "camera.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_windows_wrote_and_whole_numbers(tmp_path):
    text = (CAMERA_INFO % ZEROS).replace(".0", "").replace("\n", "\r\n")
    (tmp_path / "camera.yaml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_camera_yaml(tmp_path / "camera.yaml") == Intrinsics(640, 480, 500, 510, 320, 240)


@pytest.mark.parametrize(
    "lens",
    ["distortion_coefficients: {data: [-0.4, 0.2, 0]}", "distortion_model: equidistant"],
)
def test_a_lens_that_distorts_is_warned_of(tmp_path, lens):
    path = tmp_path / "camera.yaml"
    path.write_text(CAMERA_INFO % PROJECTION + lens)
    with pytest.warns(UserWarning, match=r"camera\.yaml: this lens distorts"):
        read_camera_yaml(path)


def test_yes_is_no_size(tmp_path):
    path = tmp_path / "camera.yaml"
    path.write_text((CAMERA_INFO % PROJECTION).replace("image_width: 640", "image_width: yes"))
    with pytest.raises(ValueError, match="positive image size"):
        read_camera_yaml(path)


def test_a_matrix_is_of_pictures_that_its_centre_is_in(tmp_path):
    path = tmp_path / "K.txt"
    path.write_text("1200 0 960\n0 1200 540\n0 0 1\n")
    assert read_camera_matrix(path, 1920, 1080) == Intrinsics(1920, 1080, 1200, 1200, 960, 540)
    with pytest.raises(ValueError, match=r"K\.txt: expected the camera of 640x480 images"):
        read_camera_matrix(path, 640, 480)
