"""A recording made from a ROS bag."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags import rosbag1 as ros_1
from rosbags.rosbag2 import Writer
from rosbags.typesys import Stores, get_typestore

from moa_depth_ros.pictures.files import write_depth_png
from test.training.another_process import another_process_in
from test.training.layouts import colour, millimetres
from training.data.bag_pairs import Message, pair
from training.data.bag_pictures import colour_of, depth_of
from training.data.recordings import Recording
from training.errors import DataError
from training.from_bag import main

STORE = get_typestore(Stores.ROS2_JAZZY)
COLOUR, DEPTH, INFO = "/camera/color/image_raw", "/camera/depth/image", "/camera/color/camera_info"
HEIGHT, WIDTH = colour(0).shape[:2]


def kind(name: str):
    return STORE.types[name]


def header(seconds: float):
    nanoseconds = round(seconds * 1e9)
    stamp = kind("builtin_interfaces/msg/Time")(*divmod(nanoseconds, 10**9))
    return kind("std_msgs/msg/Header")(stamp, "lens")


def image(seconds: float, pixels: np.ndarray, encoding: str, padding: int = 0):
    """With rows that are longer than necessary."""
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(len(pixels), -1)
    rows = np.pad(rows, ((0, 0), (0, padding)))
    size = (pixels.shape[0], pixels.shape[1])
    return kind("sensor_msgs/msg/Image")(
        header(seconds), *size, encoding, 0, rows.shape[1], rows.ravel()
    )


def camera_info(distortion: float = 0.0, rectified: float = 0.0, margin: int = 0, wider: int = 0):
    """K of a sensor with a margin around the images, and P with another focal length."""
    region = (margin, margin, HEIGHT, WIDTH, False) if margin else (0, 0, 0, 0, False)
    k = np.array([9.5, 0, 3.5 + margin, 0, 9.25, 2.5 + margin, 0, 0, 1])
    p = np.array([rectified, 0, 3, 0, 0, rectified, 2, 0, 0, 0, 1, 0])
    return kind("sensor_msgs/msg/CameraInfo")(
        header(0.0),
        *(HEIGHT + 2 * margin, WIDTH + 2 * margin + wider, "plumb_bob"),
        *(np.array([distortion] * 5), k, np.eye(3).ravel(), p),
        *(0, 0, kind("sensor_msgs/msg/RegionOfInterest")(*region)),
    )


def write_bag(path: Path, messages: Iterable[tuple[str, object]]) -> Path:
    with Writer(path, version=9) as writer:
        connections = {}
        for number, (topic, message) in enumerate(messages):
            of = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, of, typestore=STORE)
            writer.write(connections[topic], number, STORE.serialize_cdr(message, of))
    return path


def film(count: int = 10, depth_late: float = 0.004, depth_encoding: str = "16UC1"):
    """Ten images per second; the depth of each comes after the next image."""
    yield INFO, camera_info()
    late = []
    for number in range(count):
        yield COLOUR, image(number / 10, colour(number), "rgb8", padding=5)
        yield from late
        depth = millimetres(number)
        if depth_encoding == "32FC1":
            depth = np.where(depth, depth / np.float32(1000), np.float32(np.nan))
            depth = depth.astype(np.float32)
        late = [(DEPTH, image(number / 10 + depth_late, depth, depth_encoding))]
    yield from late


def convert(bag: Path, out: Path, *options: str, image: str = COLOUR) -> int:
    topics = ["--image", image, "--depth", DEPTH]
    return main([str(bag), *topics, "--out", str(out), *options])


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
def test_pictures_and_depth_of_one_moment_and_their_camera(tmp_path, capsys, encoding):
    bag = write_bag(tmp_path / "bag", film(depth_encoding=encoding))
    assert convert(bag, tmp_path / "out", "--every", "0.05") == 0
    assert "out: 10 images, each at most 4 ms from its depth" in capsys.readouterr().out
    train, val = (Recording(tmp_path / "out", split) for split in ("train", "val"))
    for number, sample in enumerate([*(train[i] for i in range(8)), *(val[i] for i in range(2))]):
        np.testing.assert_array_equal(sample["picture"], colour(number).transpose(2, 0, 1))
        np.testing.assert_allclose(sample["depth"], millimetres(number) / 1000, atol=1e-6)
    camera = train.camera
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (9.5, 9.25, 3.5, 2.5)


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (image(0.0, np.zeros((4, 3, 2), np.uint8), "yuv422"), "an even width, found 3"),
        (image(0.0, np.zeros((4, 0, 1), np.uint8), "bayer_rggb8"), "empty: 0x4"),
        (image(0.0, np.zeros((4, 3, 3), np.uint8), "nv12"), "expected an encoding of rgb8"),
    ],
)
def test_a_picture_that_can_not_be_read_is_named(picture, says):
    with pytest.raises(DataError, match=f"/camera, 0: .*{says}"):
        colour_of(picture, "/camera, 0")


def test_grey_of_16_bits_and_a_last_row_without_its_padding_are_read():
    grey = np.arange(12, dtype="<u2").reshape(3, 4) * 1000
    message = image(0.0, grey, "mono16", padding=5)
    message.data = message.data[:-5]
    expected = np.repeat((grey >> 8).astype(np.uint8)[..., np.newaxis], 3, axis=-1)
    np.testing.assert_array_equal(colour_of(message, "/camera, 0"), expected)


@pytest.mark.parametrize(("encoding", "of"), [("16UC1", ">u2"), ("32FC1", ">f4")])
def test_depth_of_a_big_endian_machine_is_read(encoding, of):
    metres = millimetres(1) / np.float32(1000)
    pixels = metres if encoding == "32FC1" else millimetres(1)
    message = image(0.0, pixels.astype(of), encoding)
    message.is_bigendian = 1
    np.testing.assert_allclose(depth_of(message, "/depth, 0"), metres)


def test_neighbours_are_left_out(tmp_path):
    bag = write_bag(tmp_path / "bag", film())
    assert convert(bag, tmp_path / "out", "--every", "0.35") == 0
    names = sorted(path.name for path in (tmp_path / "out" / "images").iterdir())
    assert names == ["000000.png", "000001.png", "000002.png"]  # of 0, 0.4 and 0.8 s
    depth = cv2.imread(str(tmp_path / "out" / "depth" / "000001.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(depth, millimetres(4))


def stamps(found):
    return [(of.colour.seconds, of.depth.seconds) for of in found]


def moments(*of: tuple[str, float]):
    return [Message(topic, seconds, None) for topic, seconds in of]


def test_depth_waits_for_the_picture_that_is_nearest():
    """Colour comes twice as often as depth, and the image of the same moment after its depth."""
    bag = moments(("c", 0.0), ("c", 0.016), ("d", 0.033), ("c", 0.033), ("c", 0.05), ("d", 0.066))
    assert stamps(pair(bag, "c", 0.02, 0.01)) == [(0.033, 0.033), (0.05, 0.066)]
    late = moments(("d", 0.0), ("d", 0.033), ("c", 0.001), ("c", 0.034), ("c", 0.06))
    assert stamps(pair(late, "c", 0.02, 0.01)) == [(0.001, 0.0), (0.034, 0.033)]
    assert stamps(pair(moments(("d", 0.0), ("c", 0.03)), "c", 0.02, 0.01)) == []


def test_a_clock_that_starts_again_is_a_new_film():
    film = [(topic, float(second)) for second in range(10, 14) for topic in "cd"]
    with pytest.warns(UserWarning, match=r"stamps jump from 13\.000 s back to 10\.000 s"):
        assert len(stamps(pair(moments(*film, *film), "c", 0.02, 0.5))) == 8


def test_depth_without_a_reading_is_left_out(tmp_path, capsys):
    bag = [(INFO, camera_info())]
    for second in range(4):
        depth = millimetres(second) * (second != 1)
        bag += [(COLOUR, image(second, colour(second), "rgb8"))]
        late = 0.01 if second == 0 else 0.0
        bag += [(DEPTH, image(second + late, depth, "16UC1"))]
    assert convert(write_bag(tmp_path / "bag", bag), tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "out: 3 images, each at most 10 ms from its depth" in said
    assert "left out because their depth is empty: 1" in said


@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [
        ("bgr8", colour(1)[..., ::-1]),
        ("bgra8", np.dstack([colour(1)[..., ::-1], colour(1)[..., :1]])),
        ("rgba8", np.dstack([colour(1), colour(1)[..., :1]])),
    ],
)
def test_other_orders_of_colours(tmp_path, encoding, pixels):
    moments = [(INFO, camera_info())]
    for second in range(2):
        moments += [(COLOUR, image(second, pixels, encoding, padding=3))]
        moments += [(DEPTH, image(second, millimetres(1), "16UC1"))]
    assert convert(write_bag(tmp_path / "bag", moments), tmp_path / "out") == 0
    found = Recording(tmp_path / "out", "train")[0]["picture"]
    np.testing.assert_array_equal(found, colour(1).transpose(2, 0, 1))


def test_compressed_pictures(tmp_path):
    topic = f"{COLOUR}/compressed"
    data = np.frombuffer(cv2.imencode(".png", colour(1)[..., ::-1])[1].tobytes(), np.uint8)
    moments = [(INFO, camera_info())]
    for second in range(2):
        compressed = kind("sensor_msgs/msg/CompressedImage")(header(second), "png", data)
        moments += [(topic, compressed), (DEPTH, image(second, millimetres(1), "16UC1"))]
    assert convert(write_bag(tmp_path / "bag", moments), tmp_path / "out", image=topic) == 0
    found = Recording(tmp_path / "out", "train")[0]["picture"]
    np.testing.assert_array_equal(found, colour(1).transpose(2, 0, 1))


def test_a_compressed_mosaic_is_developed(tmp_path):
    topic = f"{COLOUR}/compressed"
    mosaic = np.zeros((HEIGHT, WIDTH), np.uint8)
    mosaic[::2, ::2] = 200  # what is red in rggb
    data = np.frombuffer(cv2.imencode(".png", mosaic)[1].tobytes(), np.uint8)
    moments = [(INFO, camera_info())]
    for second in range(2):
        of = (header(second), "bayer_rggb8; png compressed bayer_rggb8", data)
        moments += [(topic, kind("sensor_msgs/msg/CompressedImage")(*of))]
        moments += [(DEPTH, image(second, millimetres(1), "16UC1"))]
    assert convert(write_bag(tmp_path / "bag", moments), tmp_path / "out", image=topic) == 0
    red, green, blue = Recording(tmp_path / "out", "train")[0]["picture"]
    assert red.min() == 200
    assert not green.any() and not blue.any()


@pytest.mark.parametrize(
    ("image", "info", "pinhole"),
    [
        (COLOUR, {"margin": 4}, (9.5, 9.25, 3.5, 2.5)),
        (COLOUR, {"rectified": 8.0}, (8, 8, 3, 2)),
        ("/camera/image_rect", {"rectified": 8.0, "distortion": 0.1}, (8, 8, 3, 2)),
        (COLOUR, {"rectified": 8.0, "distortion": 0.1}, (9.5, 9.25, 3.5, 2.5)),
    ],
)
def test_the_pinhole_is_that_of_the_pictures(tmp_path, capsys, image, info, pinhole):
    """As in the node: P for rectified ones, K for those that show the lens, cropped alike."""
    moments = [(image if topic == COLOUR else topic, of) for topic, of in film()]
    bag = write_bag(tmp_path / "bag", [(INFO, camera_info(**info)), *moments[1:]])
    assert convert(bag, tmp_path / "out", "--camera-info", INFO, image=image) == 0
    camera = Recording(tmp_path / "out", "train").camera
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == pinhole
    shows_the_lens = image == COLOUR and "distortion" in info
    assert (
        "warning: /camera/color/image_raw: this lens" in capsys.readouterr().err
    ) == shows_the_lens


def test_a_bag_of_ros_1(tmp_path):
    store = get_typestore(Stores.ROS1_NOETIC)

    def of(name: str, *values: object):
        return store.types[name](*values)

    def stamped(number: int):
        stamp = of("builtin_interfaces/msg/Time", number, 0)
        return of("std_msgs/msg/Header", number, stamp, "lens")

    def picture(number: int, pixels: np.ndarray, encoding: str):
        data = np.ascontiguousarray(pixels).view(np.uint8).ravel()
        size = (HEIGHT, WIDTH, encoding, 0, data.size // HEIGHT)
        return of("sensor_msgs/msg/Image", stamped(number), *size, data)

    region = of("sensor_msgs/msg/RegionOfInterest", 0, 0, 0, 0, False)
    k, p = np.array([9.5, 0, 3.5, 0, 9.25, 2.5, 0, 0, 1]), np.zeros(12)
    matrices = (np.zeros(5), k, np.eye(3).ravel(), p)
    info = of(
        "sensor_msgs/msg/CameraInfo",
        stamped(0),
        HEIGHT,
        WIDTH,
        "plumb_bob",
        *matrices,
        0,
        0,
        region,
    )
    messages = {
        INFO: [info],
        COLOUR: [picture(second, colour(second), "rgb8") for second in range(2)],
        DEPTH: [picture(second, millimetres(second), "16UC1") for second in range(2)],
    }
    with ros_1.Writer(tmp_path / "room.bag") as writer:
        for topic, found in messages.items():
            name = found[0].__msgtype__
            connection = writer.add_connection(topic, name, typestore=store)
            for second, message in enumerate(found):
                writer.write(connection, second * 10**9, store.serialize_ros1(message, name))
    assert convert(tmp_path / "room.bag", tmp_path / "out") == 0
    recording = Recording(tmp_path / "out", "train")
    np.testing.assert_array_equal(recording[0]["picture"], colour(0).transpose(2, 0, 1))
    assert recording.camera.fx == 9.5


def changed(**changes: object):
    """The film with these messages in place of all of their topics."""
    replaced = {"colour": COLOUR, "depth": DEPTH, "info": INFO}
    by_topic = {replaced[name]: message for name, message in changes.items()}
    return [(topic, by_topic.get(topic, message)) for topic, message in film(2)]


@pytest.mark.parametrize(
    ("moments", "says"),
    [
        (changed(depth=image(0, millimetres(0)[:4], "16UC1")), "registered to the colour .* 8x4"),
        (changed(depth=image(0, millimetres(0), "8UC2")), "depth in 16UC1, mono16, 32FC1, found"),
        (changed(colour=image(0, colour(0), "yuv9")), "expected an encoding of rgb8, .* 'yuv9'"),
        (changed(info=camera_info(rectified=np.nan)), "no usable intrinsics"),
        (changed(info=camera_info(wider=4)), f"camera of {COLOUR}: .*"),
        (list(film(2, depth_late=0.05)), "within 0.02 s of each other"),
        ([*film(2)][1:], f"camera-info: expected a topic of .* found none at {INFO}; "),
        ([(INFO, camera_info()), (COLOUR, camera_info())], "--image: expected a topic of .*Image"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, capsys, moments, says):
    assert convert(write_bag(tmp_path / "bag", moments), tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert re.search(says, said), said
    assert not (tmp_path / "out").exists()


def test_a_recording_is_not_mixed_with_another(tmp_path, capsys):
    bag = write_bag(tmp_path / "bag", film())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "K.txt").write_text("of another camera")
    assert convert(bag, tmp_path / "out") == 1
    assert "out: is not empty" in capsys.readouterr().err


def test_a_recording_that_another_process_writes(tmp_path, capsys):
    bag = write_bag(tmp_path / "bag", film())
    with another_process_in(tmp_path / "out", "recording") as process:
        assert convert(bag, tmp_path / "out") == 1
        assert "out: another process is working in it" in capsys.readouterr().err
        assert not list((tmp_path / "out").glob("[!.]*"))
        process.kill()  # its lock's file stays
        process.wait()
        assert convert(bag, tmp_path / "out") == 0


def test_pictures_from_before_a_bad_message_stay(tmp_path, capsys):
    bad = image(9, millimetres(0)[:4], "16UC1")
    bag = write_bag(
        tmp_path / "bag", [*film(), (COLOUR, image(9, colour(0), "rgb8")), (DEPTH, bad)]
    )
    assert convert(bag, tmp_path / "out") == 1
    assert f"{tmp_path / 'out'} has the 2 images written before" in capsys.readouterr().err
    assert len(list((tmp_path / "out" / "images").iterdir())) == 2


@pytest.mark.parametrize(
    ("reason", "code", "says"),
    [
        (
            OSError(28, "No space left on device", "F"),
            1,
            r"error: \[Errno 28\] No space left .*'F'; ",
        ),
        (KeyboardInterrupt(), 130, "interrupted; "),
    ],
)
def test_pictures_from_before_a_full_disk_stay(tmp_path, monkeypatch, capsys, reason, code, says):
    """And those from before Ctrl-C."""

    def write(path, metres):
        if path.stem == "000003":
            raise reason
        write_depth_png(path, metres)

    monkeypatch.setattr("training.from_bag.write_depth_png", write)
    bag, out = write_bag(tmp_path / "bag", film()), tmp_path / "out"
    assert convert(bag, out, "--every", "0.05") == code
    line = capsys.readouterr().err.splitlines()[-1]
    assert re.fullmatch(f"{says}{out} has the 3 images written before", line)
    assert sum(len(Recording(out, split)) for split in ("train", "val")) == 3


def test_a_damaged_bag(tmp_path, capsys):
    """The end of its file is missing."""
    bag = write_bag(tmp_path / "bag", film(40))
    (file,) = bag.glob("*.db3")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert convert(bag, tmp_path / "out", "--every", "0.05") == 1
    assert re.match(f"error: {bag}: (damaged|expected a ROS bag): ", capsys.readouterr().err)


def test_no_bag_at_all(tmp_path, capsys):
    assert convert(tmp_path / "none", tmp_path / "out") == 1
    assert "none: no such bag" in capsys.readouterr().err
    (tmp_path / "none").mkdir()
    assert convert(tmp_path / "none", tmp_path / "out") == 1
    assert "none: expected a ROS bag: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
