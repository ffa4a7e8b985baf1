"""Makes a recording from a ROS bag: ``python -m training.from_bag BAG``.

Takes a colour topic and the depth topic registered to it, as RGB-D cameras publish them
(realsense's aligned_depth_to_color, or depth_image_proc's register node), and writes what
``training.train --config config/training/finetune.yaml`` learns from: pairs of colour and depth
images, and their camera. Reads bags of ROS 1 and ROS 2; ROS need not be installed.
"""

from __future__ import annotations

import argparse
import posixpath
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore
from tqdm import tqdm

from moa_depth_ros.command_line import a_path, above_zero
from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.machine.plain_warnings import warn_in_lines
from moa_depth_ros.machine.whole_file import whole_file
from moa_depth_ros.pictures.files import write_depth_png, write_picture
from training.alone import alone_in
from training.command_line import exit_code
from training.data.bag_pairs import Message, Pair, pair
from training.data.bag_pictures import (
    CAMERA_INFO,
    COMPRESSED,
    IMAGE,
    camera_of,
    colour_of,
    depth_of,
)
from training.data.recordings import COLOUR_FOLDER, DEPTH_FOLDER, MATRIX_NAME
from training.errors import DataError, TrainingError


class Topics(NamedTuple):
    """Names of topics."""

    image: str
    depth: str
    camera_info: str


class Recorded(NamedTuple):
    """What was made from a bag.

    Attributes:
        pictures: number of images written with their depth.
        largest_gap: largest time between an image and its depth, seconds.
        without_reading: number of pairs left out because their depth is empty.
    """

    pictures: int
    largest_gap: float
    without_reading: int


def from_bag(bag: Path, topics: Topics, out: Path, max_gap: float, every: float) -> Recorded:
    """Write the recording.

    Raises:
        DataError: the bag can't be read, lacks a topic, or has no such pairs; a message can't be
            read (earlier images are kept); depth and colour differ in size; or the folder is
            not empty.
        TrainingError: another process writes into it, or a file can't be written (likewise).
        OSError: not even the first file can be written.
        KeyboardInterrupt: saying what is kept, if anything.
    """
    if not bag.exists():
        raise DataError(f"{bag}: no such bag")
    count, largest, empty = 0, 0.0, 0
    try:
        with _opened(bag) as reader, alone_in(out, "recording"):
            if any(out.glob("[!.]*")):  # anything but the lock
                raise DataError(f"{out}: is not empty; name another folder, or remove it")
            camera_info = _first_camera_info(reader, topics, bag)
            for found in pair(_messages(reader, topics, bag), topics.image, max_gap, every):
                picture, metres = _read(found)
                if not metres.any():
                    empty += 1
                    continue
                if not count:
                    _write_camera(out, camera_of(camera_info, topics.image, *metres.shape))
                _write_pair(out, f"{count:06d}.png", picture, metres)
                count, largest = count + 1, max(largest, found.gap)
    except (DataError, OSError, KeyboardInterrupt) as error:
        if not count:
            raise
        kept = f"{out} has the {count} images written before"
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(kept) from error
        kind = DataError if isinstance(error, DataError) else TrainingError
        raise kind(f"{error}; {kept}") from error
    if not count:
        raise DataError(
            f"{bag}: no messages of {topics.image} and {topics.depth} have stamps within "
            f"{max_gap:g} s of each other and depth that is not empty; a larger --max-gap may find "
            "some"
        )
    return Recorded(count, largest, empty)


@contextmanager
def _opened(bag: Path) -> Iterator[AnyReader]:
    try:
        reader = AnyReader([bag], default_typestore=get_typestore(Stores.LATEST))
        reader.open()
    except Exception as error:  # from rosbags, for any format that it reads
        raise DataError(f"{bag}: expected a ROS bag: {error}") from error
    try:
        yield reader
    finally:
        reader.close()


def _first_camera_info(reader: AnyReader, topics: Topics, bag: Path) -> Any:
    _check_topics(reader, topics, bag)
    connections = [found for found in reader.connections if found.topic == topics.camera_info]
    for connection, _, data in reader.messages(connections):
        return reader.deserialize(data, connection.msgtype)
    raise DataError(f"{bag}: {topics.camera_info} has no message")


def _check_topics(reader: AnyReader, topics: Topics, bag: Path) -> None:
    there = {found.topic: found.msgtype for found in reader.connections}
    kinds = {"image": (IMAGE, COMPRESSED), "depth": (IMAGE,), "camera_info": (CAMERA_INFO,)}
    for option, kind in kinds.items():
        topic = getattr(topics, option)
        if there.get(topic) not in kind:
            known = "".join(f"\n  {name} ({of})" for name, of in sorted(there.items()))
            raise DataError(
                f"--{option.replace('_', '-')}: expected a topic of {' or '.join(kind)}, found "
                f"{there.get(topic, 'none')} at {topic}; {bag} has{known or ' none'}"
            )


def _messages(reader: AnyReader, topics: Topics, bag: Path) -> Iterator[Message]:
    wanted = (topics.image, topics.depth)
    connections = [found for found in reader.connections if found.topic in wanted]
    total = sum(found.msgcount for found in connections)
    everything = reader.messages(connections)
    try:
        for connection, _, data in tqdm(everything, bag.name, total, unit="message", disable=None):
            content: Any = reader.deserialize(data, connection.msgtype)
            stamp = content.header.stamp
            yield Message(connection.topic, stamp.sec + stamp.nanosec * 1e-9, content)
    except Exception as error:  # likewise
        raise DataError(f"{bag}: damaged: {error}") from error


def _read(found: Pair) -> tuple[np.ndarray, np.ndarray]:
    colour, depth = found
    picture = colour_of(colour.content, f"{colour.topic} at {colour.seconds:.3f} s")
    metres = depth_of(depth.content, f"{depth.topic} at {depth.seconds:.3f} s")
    if picture.shape[:2] != metres.shape:
        raise DataError(
            f"expected depth registered to the colour images and of their size, "
            f"{picture.shape[1]}x{picture.shape[0]}, found {metres.shape[1]}x{metres.shape[0]} at "
            f"{depth.topic}"
        )
    return picture, metres


def _write_pair(out: Path, name: str, picture: np.ndarray, metres: np.ndarray) -> None:
    write_picture(out / COLOUR_FOLDER / name, picture)
    try:
        write_depth_png(out / DEPTH_FOLDER / name, metres)
    except BaseException:
        (out / COLOUR_FOLDER / name).unlink()  # without its depth, it would spoil the recording
        raise


def _write_camera(out: Path, camera: Intrinsics) -> None:
    rows = ((camera.fx, 0, camera.cx), (0, camera.fy, camera.cy), (0, 0, 1))
    with whole_file(out / MATRIX_NAME) as unfinished:
        unfinished.write_text("".join("{} {} {}\n".format(*row) for row in rows))


def _convert(options: argparse.Namespace) -> None:
    beside = options.image.removesuffix("/compressed")
    info = options.camera_info or posixpath.join(posixpath.dirname(beside), "camera_info")
    topics = Topics(options.image, options.depth, info)
    made = from_bag(options.bag, topics, options.out, options.max_gap, options.every)
    print(
        f"{options.out}: {made.pictures} images, each at most "
        f"{made.largest_gap * 1e3:.0f} ms from its depth; the last fifth is for validation"
    )
    if made.without_reading:
        print(f"left out because their depth is empty: {made.without_reading}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.from_bag", description=__doc__)
    add = parser.add_argument
    add("bag", type=a_path, help="folder or file of a ROS 2 bag, or .bag file of ROS 1")
    add("--image", required=True, metavar="TOPIC", help="colour images, raw, JPEG or PNG")
    add(
        "--depth",
        required=True,
        metavar="TOPIC",
        help="depth registered to them: 16UC1 millimetres or 32FC1 metres",
    )
    add(
        "--camera-info",
        metavar="TOPIC",
        help="camera of the colour images; default: camera_info beside --image",
    )
    add(
        "--out",
        type=a_path,
        default=Path("data/recording"),
        help="folder to write; default: %(default)s",
    )
    add(
        "--every",
        type=above_zero,
        default=0.5,
        help="minimum seconds between images, as consecutive ones look alike; default: %(default)s",
    )
    add(
        "--max-gap",
        type=above_zero,
        default=0.02,
        help="maximum seconds between an image and its depth; default: %(default)s",
    )
    return parser


def main(args: Sequence[str] | None = None) -> int:
    """Convert as the arguments say; the exit code is 0, or 1 after a message on standard error."""
    options = _parser().parse_args(args)
    warn_in_lines()
    return exit_code(lambda: _convert(options))


if __name__ == "__main__":
    sys.exit(main())
