"""Uncompressed images in messages, whichever library read them, rclpy or rosbags. No ROS in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import cv2
import numpy as np

# Encoding of sensor_msgs -> the estimator's name for the channel order, bytes per pixel.
# The 8UCn names don't give an order: as in cv_bridge, they mean OpenCV's, blue first.
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
# Read as grey bytes with a stride of two.
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
    """An image message that can't be read; the text says what is wrong with it."""


def reader(msg: RawImage) -> Callable[[], tuple[np.ndarray, str]]:
    """Returns a function that reads an image in one of :data:`READABLE`, after checking it: the
    checks take microseconds, developing a sensor's image takes milliseconds.

    Returns:
        A function that returns the image, uint8 (H, W, channels) or (H, W), and the order of its
        channels: "rgb", "bgr", "rgba", "bgra" or "mono".
    Raises:
        PictureError: as :func:`pixels_of`, or YUV with an odd width.
    """
    if msg.encoding not in RAW_ENCODINGS:
        picture = read_in_place(msg)
        return lambda: picture
    pixel_bytes = RAW_ENCODINGS[msg.encoding][1]
    if pixel_bytes == 2 and msg.width % 2:
        raise PictureError(f"{msg.encoding} images must have an even width, found {msg.width}.")
    pixels = pixels_of(msg, pixel_bytes)
    return lambda: (develop(pixels, msg.encoding), "rgb")


def read_in_place(msg: RawImage) -> tuple[np.ndarray, str]:
    """A colour or grey image of a message, without a copy.

    Args:
        msg: in mono16 or one of :data:`NATIVE_ENCODINGS`, with any ``step``.
    Returns:
        The image, uint8 (H, W, channels) or (H, W), and the order of its channels: a read-only view
        of the message's bytes, whose strides skip the padding of rows. For mono16, the higher byte.
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
        PictureError: empty, or fewer bytes than the header claims.
    """
    check_not_empty(msg)
    row_bytes = msg.width * pixel_bytes
    if msg.step < row_bytes:
        raise PictureError(
            f"The image step is {msg.step} bytes, but a row of {msg.width} pixels in "
            f"{msg.encoding} takes {row_bytes}."
        )
    # The padding of the last row may be missing: nothing reads it.
    needed = msg.step * (msg.height - 1) + row_bytes
    if len(msg.data) < needed:
        raise PictureError(
            f"The image is truncated: {msg.width}x{msg.height} {msg.encoding} with step "
            f"{msg.step} takes {needed} bytes, but the message has {len(msg.data)}."
        )
    shape = (msg.height, msg.width) if pixel_bytes == 1 else (msg.height, msg.width, pixel_bytes)
    strides = (msg.step, pixel_bytes, 1)[: len(shape)]
    flat = np.frombuffer(msg.data, np.uint8, count=needed)
    return np.lib.stride_tricks.as_strided(flat, shape, strides, writeable=False)


def check_not_empty(msg: RawImage) -> None:
    """Raises PictureError if there are no pixels."""
    if msg.height == 0 or msg.width == 0:
        raise PictureError(f"The image is empty: {msg.width}x{msg.height} pixels.")


def develop(raw: np.ndarray, encoding: str) -> np.ndarray:
    """RGB from a sensor's image, a Bayer mosaic or YUV 4:2:2.

    Args:
        raw: uint8, (H, W) for a mosaic, (H, W, 2) for YUV 4:2:2 with an even W; rows may be padded.
        encoding: one of :data:`RAW_ENCODINGS`; YUV as in ITU-R BT.601.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    return cv2.cvtColor(raw, RAW_ENCODINGS[encoding][0])
