"""JPEG and PNG images: size and completeness before any memory is allocated, then decoding."""

from __future__ import annotations

import struct

import cv2
import numpy as np

from moa_depth_ros.pictures.raw import RAW_ENCODINGS, develop

MAX_PIXELS = 100_000_000
"""Larger images are refused: a few bytes of header may claim any size."""

_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB\x60\x82"
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_START_OF_SCAN = 0xDA
_WITHOUT_LENGTH = (0x01, *range(0xD0, 0xD8))  # TEM and the restart markers
# SOF0 to SOF15; among them are DHT, JPG and DAC, which are not frames.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def is_encoded(data: bytes) -> bool:
    """Whether the data begins as a JPEG or PNG file does."""
    return data.startswith((_JPEG_START, _PNG_START))


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the header of a JPEG or PNG file (ITU-T T.81, annex B; PNG
    specification, 5 and 11.2).

    Raises:
        ValueError: neither JPEG nor PNG, a broken header, an image without pixels, or truncated:
            the end of the file is missing.
    """
    if data.startswith(_PNG_START):
        size = _png_size(data)
    elif data.startswith(_JPEG_START):
        size = _jpeg_size(data)
    else:
        raise ValueError(f"neither JPEG nor PNG: the data starts with {data[:8].hex(' ') or '-'}")
    if 0 in size:
        raise ValueError(f"the image is empty: {size[0]}x{size[1]} pixels")
    return size


def check(data: bytes) -> None:
    """Check size and completeness without decoding.

    Raises:
        ValueError: as :func:`size_of`, or more than :data:`MAX_PIXELS`.
    """
    width, height = size_of(data)
    if width * height > MAX_PIXELS:
        raise ValueError(
            f"{width}x{height} pixels are more than {MAX_PIXELS // 1_000_000} million, the limit"
        )


def decode(data: bytes) -> np.ndarray:
    """The image as (H, W, 3) uint8, blue first, H and W as in the header: an EXIF orientation is
    not applied, because CameraInfo describes the image as it was taken.

    Raises:
        ValueError: as :func:`check`, or if OpenCV can't decode it.
    """
    check(data)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ValueError(f"OpenCV can't decode it: {error}") from error
    if picture is None:
        raise ValueError("OpenCV can't decode it")
    return picture


def decode_message(data: bytes, format: str) -> tuple[np.ndarray, str]:
    """The image of a sensor_msgs/CompressedImage, judged by its data, not by its ``format``, with
    one exception: a grey image whose format names a Bayer mosaic is one, because image_transport
    compresses it that way.

    Returns:
        uint8 (H, W, 3), and "bgr" or "rgb".

    Raises:
        ValueError: as :func:`decode`.
    """
    picture = decode(data)
    encoding = format.partition(";")[0].strip()
    if encoding.startswith("bayer_") and encoding in RAW_ENCODINGS and _is_grey(picture):
        return develop(np.ascontiguousarray(picture[..., 0]), encoding), "rgb"
    return picture, "bgr"


def _is_grey(picture: np.ndarray) -> bool:
    return all(np.array_equal(picture[..., 0], picture[..., colour]) for colour in (1, 2))


def _png_size(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR" or len(data) < 24:
        raise ValueError("a PNG file without a header")
    if _PNG_END not in data:
        raise ValueError(f"a PNG file truncated after {len(data)} bytes")
    return struct.unpack(">II", data[16:24])


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Walk from segment to segment up to the image data. An embedded image, such as a thumbnail, is
    part of a segment and skipped with it."""
    size = None
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise ValueError(f"a damaged JPEG file: no marker at byte {at}")
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in _WITHOUT_LENGTH:
            at += 2
            continue
        if marker == _START_OF_SCAN:
            if size is None:
                raise ValueError("a JPEG file without a frame header")
            if data.find(_JPEG_END, at) < 0:  # can't occur in coded data, where 0 follows 255
                break
            return size
        if marker in _FRAMES and at + 9 <= len(data):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            size = width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise ValueError(f"a JPEG file truncated after {len(data)} bytes")
