"""JPEG and PNG: headers, truncated and damaged files, decoding."""

import contextlib
import struct
import zlib

import cv2
import numpy as np
import pytest

from moa_depth_ros.pictures.encoded import check, decode, size_of

PICTURE = np.zeros((37, 53, 3), np.uint8)
PICTURE[:, :20] = (255, 0, 0)  # OpenCV's order: blue on the left, green on the right
PICTURE[:, 20:] = (0, 200, 0)


def encoded(kind, picture=PICTURE, *options):
    return cv2.imencode(kind, picture, options)[1].tobytes()


JPEG, PNG = encoded(".jpg"), encoded(".png")
PROGRESSIVE = encoded(".jpg", PICTURE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
THUMBNAIL = b"\xff\xe1" + struct.pack(">H", 2 + len(PROGRESSIVE)) + PROGRESSIVE


@pytest.mark.parametrize(
    "data",
    [
        JPEG,
        PNG,
        PROGRESSIVE,
        encoded(".jpg", PICTURE[..., 0]),
        encoded(".png", PICTURE.astype(np.uint16) * 257),
        JPEG + bytes(100),  # as sent by drivers with fixed buffers
        JPEG[:2] + b"\xff\xff\xff" + JPEG[3:],
        JPEG[:2] + THUMBNAIL + JPEG[2:],
    ],
    ids=["jpeg", "png", "progressive", "grey", "16 bits", "padded", "fill bytes", "thumbnail"],
)
def test_the_header_tells_the_size(data):
    assert size_of(data) == (53, 37)
    assert decode(data).shape == (37, 53, 3)


def test_decoded_pictures_are_blue_first():
    np.testing.assert_array_equal(decode(PNG), PICTURE)
    np.testing.assert_allclose(decode(JPEG).astype(int)[:, [5, 45]], PICTURE[:, [5, 45]], atol=3)


def test_an_orientation_in_exif_is_not_applied():
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    turned = JPEG[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(exif)) + exif + JPEG[2:]
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape == (53, 37, 3)
    assert decode(turned).shape == (37, 53, 3)


@pytest.mark.parametrize(
    "data",
    [JPEG, PNG, PROGRESSIVE, JPEG[:2] + THUMBNAIL + JPEG[2:]],
    ids=["jpeg", "png", "progressive", "thumbnail"],
)
def test_every_cut_is_noticed(data):
    for length in range(len(data) - 1):
        with pytest.raises(ValueError, match=r"truncated|neither JPEG nor PNG|without a"):
            size_of(data[:length])


def with_size(data, width, height):
    """The same file with another size in its header."""
    if data is PNG:
        header = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
        return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


@pytest.mark.parametrize(
    ("data", "width", "height"),
    [(JPEG, 65535, 65535), (PNG, 2**31 - 1, 2**31 - 1), (PNG, 10_001, 10_000)],
    ids=["jpeg", "png", "just too large"],
)
def test_huge_pictures_are_refused_by_their_header(data, width, height):
    with pytest.raises(ValueError, match=f"{width}x{height} pixels are more than 100 million"):
        check(with_size(data, width, height))


def test_the_largest_size_is_not_refused():
    check(with_size(PNG, 10_000, 10_000))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "neither JPEG nor PNG: the data starts with -"),
        (b"GIF89a nonsense", "starts with 47 49 46 38"),
        (with_size(PNG, 0, 5), "empty: 0x5"),
        (b"\xff\xd8\xff\xda\0\0\0", "without a frame header"),
        (JPEG[:20] + b"\0" + JPEG[21:], "no marker at byte 20"),
        (PNG[:33] + bytes(8) + PNG[41:], "OpenCV can't decode it"),
    ],
    ids=["nothing", "gif", "no pixels", "no frame", "no marker", "no chunks"],
)
def test_broken_files_say_what_is_wrong(data, says):
    with pytest.raises(ValueError, match=says):
        decode(data)


def test_random_damage_gives_a_picture_or_an_error_that_is_told():
    random = np.random.default_rng(0)
    for data in (JPEG, PNG):
        for _ in range(40):
            damaged = bytearray(data)
            for at in random.integers(0, len(data), 3):
                damaged[at] = random.integers(256)
            with contextlib.suppress(ValueError):
                assert decode(bytes(damaged)).shape[2] == 3
