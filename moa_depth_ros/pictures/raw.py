"""Uncompressed pictures of messages, whoever read the message: rclpy or rosbags. No ROS in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import cv2
import numpy as np

# Encoding of sensor_msgs -> what the estimator calls the order of the channels, bytes per pixel.
# The 8UCn names don't say the order: as in cv_bridge, they mean OpenCV's, blue first.
NATIVE_ENCODINGS = {
    "rgb8": ("rgb", 3),
    "bgr8": ("bgr", 3),
    "rgba8": ("rgba", 4),
    "bgra8": ("bgra", 4),
    "mono8": ("mono", 1),
    "8UC3": ("bgr", 3),
    "8UC4": ("bgra", 4),
    "8UC1": ("mono", 1),
}
# Encoding of sensor_msgs -> OpenCV's conversion, bytes per pixel. Both names of each YUV order.
RAW_ENCODINGS = {
    "bayer_rggb8": (cv2.COLOR_BayerRGGB2RGB, 1),
    "bayer_bggr8": (cv2.COLOR_BayerBGGR2RGB, 1),
    "bayer_gbrg8": (cv2.COLOR_BayerGBRG2RGB, 1),
    "bayer_grbg8": (cv2.COLOR_BayerGRBG2RGB, 1),
    "yuv422": (cv2.COLOR_YUV2RGB_UYVY, 2),
    "uyvy": (cv2.COLOR_YUV2RGB_UYVY, 2),
    "yuv422_yuy2": (cv2.COLOR_YUV2RGB_YUYV, 2),
    "yuyv": (cv2.COLOR_YUV2RGB_YUYV, 2),
}
# Seen as grey bytes that lie two apart.
GREY_16 = "mono16"
READABLE = (*NATIVE_ENCODINGS, GREY_16, *RAW_ENCODINGS)


class RawImage(Protocol):
    """The fields of sensor_msgs/Image that are read here."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: Any  # bytes


class PictureError(ValueError):
    """A picture message that can't be read; the text says what is wrong with it."""


def reader(msg: RawImage) -> Callable[[], tuple[np.ndarray, str]]:
    """What reads a picture in one of :data:`READABLE`, after its checks: those take microseconds,
    developing a sensor's picture takes milliseconds.

    Returns:
        A function that gives the picture, uint8 (H, W, channels) or (H, W), and the order of its
        channels: "rgb", "bgr", "rgba", "bgra" or "mono".
    Raises:
        PictureError: as :func:`pixels_of`, or YUV of an odd width.
    """
    if msg.encoding not in RAW_ENCODINGS:
        picture = read_in_place(msg)
        return lambda: picture
    pixel_bytes = RAW_ENCODINGS[msg.encoding][1]
    if pixel_bytes == 2 and msg.width % 2:
        raise PictureError(f"{msg.encoding} pictures have an even width, found {msg.width}.")
    pixels = pixels_of(msg, pixel_bytes)
    return lambda: (develop(pixels, msg.encoding), "rgb")


def read_in_place(msg: RawImage) -> tuple[np.ndarray, str]:
    """A colour or grey picture of a message, without a copy.

    Args:
        msg: in mono16 or one of :data:`NATIVE_ENCODINGS`, with any ``step``.
    Returns:
        The picture, uint8 (H, W, channels) or (H, W), and the order of its channels: a read-only
        view of the message's bytes, padded rows left out by its strides. Of mono16, the higher
        byte.
    Raises:
        PictureError: as :func:`pixels_of`.
    """
    if msg.encoding == GREY_16:
        return pixels_of(msg, 2)[..., 0 if msg.is_bigendian else 1], "mono"
    channels, pixel_bytes = NATIVE_ENCODINGS[msg.encoding]
    return pixels_of(msg, pixel_bytes), channels


def pixels_of(msg: RawImage, pixel_bytes: int) -> np.ndarray:
    """The message's pixels in place, uint8 (H, W) or (H, W, pixel_bytes).

    Raises:
        PictureError: empty, or fewer bytes than the header promises.
    """
    check_not_empty(msg)
    row_bytes = msg.width * pixel_bytes
    if msg.step < row_bytes:
        raise PictureError(
            f"The picture's step is {msg.step} bytes, but a row of {msg.width} pixels in "
            f"{msg.encoding} takes {row_bytes}."
        )
    # The last row's padding may be missing: nothing reads it.
    needed = msg.step * (msg.height - 1) + row_bytes
    if len(msg.data) < needed:
        raise PictureError(
            f"The picture is cut short: {msg.width}x{msg.height} {msg.encoding} with step "
            f"{msg.step} takes {needed} bytes, the message holds {len(msg.data)}."
        )
    shape = (msg.height, msg.width) if pixel_bytes == 1 else (msg.height, msg.width, pixel_bytes)
    strides = (msg.step, pixel_bytes, 1)[: len(shape)]
    flat = np.frombuffer(msg.data, np.uint8, count=needed)
    return np.lib.stride_tricks.as_strided(flat, shape, strides, writeable=False)


def check_not_empty(msg: RawImage) -> None:
    """Raises PictureError where there is no pixel."""
    if msg.height == 0 or msg.width == 0:
        raise PictureError(f"The picture is empty: {msg.width}x{msg.height} pixels.")


def develop(raw: np.ndarray, encoding: str) -> np.ndarray:
    """RGB of a sensor's picture, a Bayer mosaic or YUV 4:2:2.

    Args:
        raw: uint8, (H, W) of a mosaic, (H, W, 2) of YUV 4:2:2 with an even W; rows may be padded.
        encoding: one of :data:`RAW_ENCODINGS`; YUV is that of ITU-R BT.601.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    return cv2.cvtColor(raw, RAW_ENCODINGS[encoding][0])
