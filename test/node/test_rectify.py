"""Distorted cameras, compared with the formulas of their models."""

import copy

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo

from demo.messages import read_cloud, read_depth
from moa_depth_ros.pictures.calibration import CameraInfoError
from moa_depth_ros.ros.camera_info import camera_info_message
from moa_depth_ros.ros.rectify import Rectifier, distortion_warning
from test.node.harness import CAMERA, NodeProcess, Robot, colourful

WIDTH, HEIGHT = 120, 80
V, U = np.mgrid[:HEIGHT, :WIDTH].astype(float)
LENSES = {
    "plumb_bob": [-0.21, 0.05, 0.002, -0.001, 0.01],
    "rational_polynomial": [0.3, 0.1, 0.001, 0.002, 0.01, 0.5, 0.05, 0.003],
    "equidistant": [-0.03, 0.01, -0.002, 0.001],
}
ROTATION = cv2.Rodrigues(np.array([0.02, -0.03, 0.01]))[0]


def camera_info(model="plumb_bob", **changes):
    info = CameraInfo(width=WIDTH, height=HEIGHT, distortion_model=model)
    info.d = LENSES.get(model, [])
    info.k = [90.0, 0.0, 58.0, 0.0, 92.0, 41.0, 0.0, 0.0, 1.0]
    info.r = ROTATION.ravel()
    info.p = [80.0, 0.0, 61.0, -4.0, 0.0, 81.0, 38.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    for name, value in changes.items():
        setattr(info, name, value)
    return info


def raw_pixels(info, u, v):
    """Where the pixels (u, v) of the rectified image are in the raw one: back along P, against R,
    through the lens, along K (sensor_msgs/CameraInfo; the formulas of its distortion models)."""
    k, p = np.reshape(info.k, (3, 3)), np.reshape(info.p, (3, 4))
    ray = np.stack([(u - p[0, 2]) / p[0, 0], (v - p[1, 2]) / p[1, 1], np.ones_like(u)])
    x, y, z = np.einsum("ji,jhw->ihw", np.reshape(info.r, (3, 3)), ray)
    x, y = x / z, y / z
    d = info.d
    r2 = x * x + y * y
    if info.distortion_model == "equidistant":
        r = np.sqrt(r2)
        angle = np.arctan(r)
        bent = angle * (1 + sum(d[i] * angle ** (2 * i + 2) for i in range(4)))
        x, y = x * bent / r, y * bent / r
    else:
        radial = 1 + d[0] * r2 + d[1] * r2**2 + d[4] * r2**3
        if len(d) == 8:
            radial /= 1 + d[5] * r2 + d[6] * r2**2 + d[7] * r2**3
        x, y = (
            x * radial + 2 * d[2] * x * y + d[3] * (r2 + 2 * x * x),
            y * radial + d[2] * (r2 + 2 * y * y) + 2 * d[3] * x * y,
        )
    return k[0, 0] * x + k[0, 2], k[1, 1] * y + k[1, 2]


def ramp(u, v):
    """An image whose colours tell where they come from, even between pixels."""
    return np.dstack([2 * u, 3 * v, 100 + u - v]).round().astype(np.uint8)


@pytest.mark.parametrize("model", LENSES)
def test_pixels_come_from_where_the_lens_puts_them(model):
    info = camera_info(model)
    result = Rectifier().rectify(ramp(U, V), info)
    u, v = raw_pixels(info, U, V)
    outside = (u < -0.5) | (u > WIDTH - 0.5) | (v < -0.5) | (v > HEIGHT - 0.5)
    assert 0 < outside.mean() < 0.5
    assert (result.unseen == outside).mean() > 0.999
    inner = (u > 0) & (u < WIDTH - 1) & (v > 0) & (v < HEIGHT - 1)
    error = result.picture[inner].astype(int) - ramp(u, v)[inner]
    assert np.abs(error).max() <= 1
    assert (np.hypot(u - U, v - V)[inner] > 3).any()  # the lens does something


@pytest.mark.parametrize(
    "lens", [[-0.33, 0.12, 0.0, 0.0, -0.02], [-0.2, 0.0, 0.0, 0.0, 0.0]], ids=["k1 to k3", "k1"]
)
def test_what_a_polynomial_bends_back_into_the_picture_is_unseen(lens):
    """Beyond the root of d/dr (r + k1 r^3 + k2 r^5 + k3 r^7), as wide as P reaches here."""
    k1, k2, _, _, k3 = lens
    p = [20.0, 0.0, 60.0, 0.0, 0.0, 20.0, 40.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    info = camera_info(d=lens, r=np.eye(3).ravel(), p=p)
    squares = np.roots([7 * k3, 5 * k2, 3 * k1, 1]) if k3 else np.array([-1 / (3 * k1)])
    turning = min(np.sqrt(s.real) for s in squares if abs(s.imag) < 1e-9 and s.real > 0)
    r = np.hypot((U - 60) / 20, (V - 40) / 20)
    unseen = Rectifier().rectify(ramp(U, V), info).unseen
    assert unseen[r > turning + 0.01].all()
    u, v = raw_pixels(info, U, V)
    inside = (u > 0) & (u < WIDTH - 1) & (v > 0) & (v < HEIGHT - 1)
    assert inside[r > turning + 0.01].any()  # where the polynomial alone would put them
    assert not unseen[inside & (r < turning - 0.01)].any()


def test_what_a_fisheyes_polynomial_bends_back_is_unseen():
    """The polynomial is in the angle: it turns at 71 degrees, P reaches 74 here."""
    lens = [0.05, -0.1, 0.02, -0.01]
    p = [20.0, 0.0, 60.0, 0.0, 0.0, 20.0, 40.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    info = camera_info("equidistant", d=lens, r=np.eye(3).ravel(), p=p)
    angle = np.linspace(0, np.pi / 2, 100_000)
    bent = angle * (1 + sum(k * angle ** (2 * n) for n, k in enumerate(lens, 1)))
    turning = np.tan(angle[bent.argmax()])
    r = np.hypot((U - 60) / 20, (V - 40) / 20)
    assert 0 < (r > turning + 0.01).mean() < 0.5
    unseen = Rectifier().rectify(ramp(U, V), info).unseen
    assert unseen[r > turning + 0.01].all()
    assert not unseen[r < turning - 0.01].all()


def test_a_region_of_interest_is_rectified_as_part_of_the_whole():
    info = camera_info()
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 30, 20, 64, 40
    part = Rectifier().rectify(ramp(U, V)[20:60, 30:94], info)
    u, v = (pixels[20:60, 30:94] for pixels in raw_pixels(camera_info(), U, V))
    inner = (u > 30) & (u < 93) & (v > 20) & (v < 59)
    error = part.picture[inner].astype(int) - ramp(u, v)[inner]
    assert np.abs(error).max() <= 1
    assert inner.mean() > 0.5
    assert (part.info.width, part.info.roi.width, part.info.p[2]) == (64, 0, 31.0)


def test_the_rectified_pictures_camera_has_no_distortion_left():
    info = camera_info()
    before = copy.deepcopy(info)
    result = Rectifier().rectify(ramp(U, V), info).info
    assert list(result.d) == [0.0] * 5
    assert list(result.k) == [80.0, 0.0, 61.0, 0.0, 81.0, 38.0, 0.0, 0.0, 1.0]
    assert list(result.p) == list(info.p)
    assert list(result.r) == list(np.eye(3).ravel())
    assert info == before
    again = ramp(U, V)
    assert Rectifier().rectify(again, result).picture is again


def test_a_fisheyes_rectified_picture_is_a_pinholes():
    info = camera_info("equidistant")
    assert Rectifier().rectify(ramp(U, V), info).info.distortion_model == "plumb_bob"


def test_k_is_the_rectified_camera_where_p_is_zero():
    result = Rectifier().rectify(ramp(U, V), camera_info(p=[0.0] * 12, r=[0.0] * 9)).info
    assert (result.p[0], result.p[2], result.p[5]) == (90.0, 58.0, 92.0)
    assert list(result.k) == list(camera_info().k)


@pytest.mark.parametrize("p", [list(camera_info().p), [0.0] * 12], ids=["P", "P is zero"])
def test_only_the_pinhole_in_k_and_p_counts(p):
    """Some drivers fill in nothing else."""
    info, bare = camera_info(p=p), camera_info(p=p)
    bare.k[8] = bare.p[10] = 0.0
    bare.k[1] = bare.p[1] = float("nan")
    found, expected = (Rectifier().rectify(ramp(U, V), each) for each in (bare, info))
    np.testing.assert_array_equal(found.picture, expected.picture)
    assert list(found.info.k) == list(expected.info.k)
    assert list(found.info.p) == list(expected.info.p)


def test_the_map_is_made_once_for_a_camera(monkeypatch):
    made = []
    make = cv2.initUndistortRectifyMap
    monkeypatch.setattr(cv2, "initUndistortRectifyMap", lambda *a: made.append(a) or make(*a))
    rectifier = Rectifier()
    for stamp in range(3):
        info = camera_info()
        info.header.stamp.sec = stamp
        rectifier.rectify(ramp(U, V), info)
    assert len(made) == 1
    rectifier.rectify(ramp(U, V), camera_info(d=[0.1, 0.0, 0.0, 0.0, 0.0]))
    rectifier.rectify(ramp(U, V)[::2, ::2], camera_info())
    assert len(made) == 3


@pytest.mark.parametrize("channels", [0, 1, 4])
def test_any_colours_and_read_only_rows_with_padding_are_taken(channels):
    padded = np.repeat(np.uint8(U)[..., None], 4, axis=2)
    view = padded[:, 10:-10, :channels] if channels else np.uint8(U)[:, 10:-10]
    view.flags.writeable = False
    assert Rectifier().rectify(view, camera_info()).picture.shape[:2] == view.shape[:2]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model": "thin_lens", "d": [0.1]}, "'thin_lens' is not one of plumb_bob, rational_pol"),
        ({"d": [0.1] * 3}, r"plumb_bob takes 4 or 5 finite numbers in D, found \[0.1, 0.1, 0.1\]"),
        ({"d": [0.1, float("nan"), 0.0, 0.0]}, "finite numbers"),
        ({"k": [0.0] * 9}, "with K = "),
        ({"r": [float("inf")] * 9}, "with R = "),
        ({"p": [-1.0] * 12}, "no usable intrinsics"),
        ({"r": [1.0] * 9}, "sees nothing of the rectified image"),
    ],
)
def test_what_no_map_can_be_made_from_is_told(changes, says):
    with pytest.raises(CameraInfoError, match=says):
        Rectifier().rectify(ramp(U, V), camera_info(**changes))


def test_only_raw_topics_of_distorting_lenses_are_warned_about():
    warning = distortion_warning(camera_info(), "/front/image_raw", rectifying=False)
    assert "(/front/image_rect_color or image_rect, from image_proc)" in warning
    assert "rectify:=true" in warning
    assert distortion_warning(camera_info(d=[0.0] * 5), "/front/image_raw", False) is None
    for name in (
        *("image_rect_color", "image_rect", "image_rectified", "rect", "rect/image"),
        "image_undistorted",
    ):
        assert distortion_warning(camera_info(), f"/front/{name}", rectifying=False) is None


def test_rectifying_twice_is_warned_about():
    for info in (camera_info(), camera_info("equidistant", d=[0.0] * 4)):
        warning = distortion_warning(info, "/front/image_rect", rectifying=True)
        assert "/front/image_rect is already rectified" in warning
        assert distortion_warning(info, "/front/image_raw", rectifying=True) is None
    flat = camera_info(d=[0.0] * 5)
    assert distortion_warning(flat, "/front/image_rect", rectifying=True) is None


def test_a_fisheye_without_coefficients_still_is_one():
    fisheye = camera_info("equidistant", d=[0.0] * 4)
    result = Rectifier().rectify(ramp(U, V), fisheye)
    nearly = Rectifier().rectify(ramp(U, V), camera_info("equidistant", d=[1e-12, 0.0, 0.0, 0.0]))
    np.testing.assert_array_equal(result.picture, nearly.picture)
    ideal = {"k": [80.0, 0.0, 61.0, 0.0, 81.0, 38.0, 0.0, 0.0, 1.0], "r": np.eye(3).ravel()}
    result = Rectifier().rectify(ramp(U, V), camera_info("equidistant", d=[0.0] * 4, **ideal))
    assert (result.picture != ramp(U, V)).any()
    assert distortion_warning(fisheye, "/front/image_raw", rectifying=False)


def distorted(robot):
    info = camera_info_message(robot.header(), CAMERA)
    info.d = [0.3, 0.1, 0.0, 0.0, 0.0]
    return info


def test_the_node_rectifies_when_asked(ros, tiny_model):
    options = ["-r", "__ns:=/bent", "-p", "rectify:=true"]
    topics = {"image": "/bent/image", "info": "/bent/camera_info", "node": "/bent/moa_depth"}
    with NodeProcess(tiny_model, *options) as process, Robot(**topics) as robot:
        complaint = "/bent/camera_info: no CameraInfo received yet. Nothing is published"

        def complains():
            robot.send(colourful())  # repeatedly: a node that has just started may miss it
            robot.spin(0.2)
            return complaint in process.log()

        robot.until(complains, "the complaint")
        assert not robot.heard["depth"]
        info = distorted(robot)
        robot.send_info(info=info)
        stamp = robot.send(colourful())
        expected = Rectifier().rectify(colourful(), info)
        _, colours = read_cloud(robot.answer("points", stamp))
        np.testing.assert_array_equal(colours, expected.picture)
        depth = read_depth(robot.answer("depth", stamp))
        np.testing.assert_array_equal(np.isnan(depth), expected.unseen)
        uncertainty = read_depth(robot.answer("uncertainty", stamp))
        np.testing.assert_array_equal(np.isnan(uncertainty), expected.unseen)
        answer = robot.answer("camera_info", stamp)
        assert list(answer.d) == [0.0] * 5
        assert answer.k[0] == CAMERA.fx
        assert "Traceback" not in process.log()


def test_the_node_warns_once_about_raw_pictures(robot, depth_node):
    for _ in range(2):
        robot.send_info(info=distorted(robot))
        robot.answer("depth", robot.send(colourful()))
    robot.send_info()
    robot.until(
        lambda: "/camera/image_rect_color or image_rect, from image_proc" in depth_node.log(),
        "the warning",
    )
    assert depth_node.log().count("comes from a lens with distortion") == 1


def test_the_pinhole_of_a_raw_picture_is_k(robot):
    """P has another focal length if rectifying zooms."""
    info = distorted(robot)
    info.r = ROTATION.ravel()
    info.p[0], info.p[5], info.p[2] = 0.7 * CAMERA.fx, 0.7 * CAMERA.fy, CAMERA.cx + 9
    robot.send_info(info=info)
    stamp = robot.send(colourful())
    points, _ = read_cloud(robot.answer("points", stamp))
    u, v = np.meshgrid(np.arange(CAMERA.width), np.arange(CAMERA.height))
    x, y, z = np.moveaxis(points, -1, 0)
    np.testing.assert_allclose(x, (u - CAMERA.cx) / CAMERA.fx * z, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(y, (v - CAMERA.cy) / CAMERA.fy * z, rtol=1e-4, atol=1e-5)
    answer = robot.answer("camera_info", stamp)
    assert (answer.p[0], answer.p[5], answer.p[2]) == (CAMERA.fx, CAMERA.fy, CAMERA.cx)
    assert list(answer.r) == list(np.eye(3).ravel())
    assert list(answer.d) == list(info.d)
    robot.send_info()


def test_the_camera_of_a_rectified_topic_is_ps_alone(ros, tiny_model):
    """The driver's CameraInfo is beside it; depthimage_to_laserscan would rectify again."""
    topics = {"image": "/flat/image_rect", "info": "/flat/camera_info", "node": "/flat/moa_depth"}
    parameters = ["-r", "__ns:=/flat", "-r", "image:=image_rect"]
    with NodeProcess(tiny_model, *parameters), Robot(**topics) as front:
        info = distorted(front)
        info.r = ROTATION.ravel()
        info.p[0], info.p[5], info.p[2] = 0.7 * CAMERA.fx, 0.7 * CAMERA.fy, CAMERA.cx + 9
        front.send_info(info=info)
        answer = front.answer("camera_info", front.send(colourful()))
        assert (answer.p[0], answer.p[5], answer.p[2]) == (info.p[0], info.p[5], info.p[2])
        assert list(answer.k) == [*answer.p[0:3], *answer.p[4:7], *answer.p[8:11]]
        assert list(answer.r) == list(np.eye(3).ravel())
        assert (answer.distortion_model, list(answer.d)) == ("plumb_bob", [0.0] * 5)


@pytest.mark.parametrize("what", ["roi", "k", "p", "r", "model", "binning"])
def test_the_map_follows_a_zoom_and_a_region_that_moves(what):
    before, after = camera_info(), camera_info()
    if what == "roi":
        for info, x in ((before, 30), (after, 50)):
            info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = x, 20, 64, 40
    elif what == "r":
        after.r = np.eye(3).ravel()
    elif what == "model":
        before.d = after.d = LENSES["equidistant"]
        after.distortion_model = "equidistant"
    elif what == "binning":
        before.width, before.height = 2 * WIDTH + 1, 2 * HEIGHT + 1
        after = copy.deepcopy(before)
        after.binning_x = after.binning_y = 2
    else:
        getattr(after, what)[0] *= 1.5
    picture = ramp(U, V)[20:60, 30:94] if what == "roi" else ramp(U, V)
    rectifier = Rectifier()
    rectifier.rectify(picture, before)
    found, expected = rectifier.rectify(picture, after), Rectifier().rectify(picture, after)
    np.testing.assert_array_equal(found.picture, expected.picture)
    assert found.info == expected.info


def test_a_camera_whose_name_has_rect_in_it_is_warned_about():
    for topic in ("/director/image_raw", "/front/image_corrected", "/front/direct"):
        assert distortion_warning(camera_info(), topic, rectifying=False)


@pytest.mark.parametrize(
    "changes",
    [
        {"r": np.eye(3).ravel()},
        {"p": [90.0, 0.0, 58.0, 0.0, 0.0, 92.0, 41.0, *[0.0] * 3, 1.0, 0.0]},
    ],
    ids=["another pinhole", "a rotation"],
)
def test_a_lens_without_distortion_has_a_rectified_picture_too(changes):
    info = camera_info(d=[0.0] * 5, **changes)
    picture = Rectifier().rectify(ramp(U, V), info).picture
    u, v = raw_pixels(info, U, V)
    inner = (u > 0) & (u < WIDTH - 1) & (v > 0) & (v < HEIGHT - 1)
    assert np.abs(picture[inner].astype(int) - ramp(u, v)[inner]).max() <= 1
    assert inner.any() and (np.hypot(u - U, v - V)[inner] > 1).any()


@pytest.mark.parametrize("more", [4, 6], ids=["thin prism", "tilted sensor"])
def test_the_longer_forms_of_the_rational_polynomial_are_taken(more):
    d = [*LENSES["rational_polynomial"], *[0.0] * more]
    found, expected = (
        Rectifier().rectify(ramp(U, V), camera_info("rational_polynomial", **changes)).picture
        for changes in ({"d": d}, {})
    )
    np.testing.assert_array_equal(found, expected)


def test_what_is_bent_back_is_unseen_of_a_rotated_camera_too():
    rotation = cv2.Rodrigues(np.array([0.0, 0.4, 0.0]))[0]
    p = [20.0, 0.0, 60.0, 0.0, 0.0, 20.0, 40.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    info = camera_info(d=[-0.2, 0.0, 0.0, 0.0, 0.0], r=rotation.ravel(), p=p)
    rays = np.stack([(U - 60) / 20, (V - 40) / 20, np.ones_like(U)])
    x, y, z = np.einsum("ji,jhw->ihw", rotation, rays)
    turning = np.sqrt(1 / 0.6)  # of r - 0.2 r^3
    unseen = Rectifier().rectify(ramp(U, V), info).unseen
    assert unseen[(z <= 0) | (np.hypot(x, y) > (turning + 0.01) * z)].all()
    assert not unseen[np.hypot(x, y) < (turning - 0.1) * z].all()
    u, v = raw_pixels(info, U, V)
    inside = (u > 0) & (u < WIDTH - 1) & (v > 0) & (v < HEIGHT - 1)
    assert not unseen[inside & (z > 0) & (np.hypot(x, y) < (turning - 0.01) * z)].any()
