"""Depth as PNG, read like compressed_depth_image_transport's decoder reads it."""

import struct

import cv2
import numpy as np
import pytest

from moa_depth_ros.pictures.compressed_depth import encode


def decode(data):
    """Header of 12 bytes, then a PNG; depth = A / (q - B), NaN where q is 0."""
    kind, a, b = struct.unpack("<iff", data[:12])
    assert kind == 0
    stored = cv2.imdecode(np.frombuffer(data[12:], np.uint8), cv2.IMREAD_UNCHANGED)
    assert stored.dtype == np.uint16
    if a == 0:
        return stored
    with np.errstate(divide="ignore"):
        depth = np.float32(a) / (stored.astype(np.float32) - np.float32(b))
    return np.where(stored == 0, np.nan, depth)


@pytest.mark.parametrize("farthest", [0.5, 10.0, 200.0])
def test_metres_come_back_within_half_a_step(farthest):
    depth = np.geomspace(0.2, farthest, 600, dtype=np.float32).reshape(20, 30)
    half_a_step = depth**2 / (2 * 10100)
    assert (np.abs(decode(encode(depth)) - depth) <= 1.1 * half_a_step + 1e-4).all()


def test_what_is_invalid_comes_back_as_nan_and_what_is_too_near_as_the_nearest():
    depth = np.array([[np.nan, 0.01, 2.0, np.nan]], np.float32)
    found = decode(encode(depth))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(depth))
    # q = 65535, and q = 1 at the farthest: A / depth = 65534 + A / 2.
    assert found[0, 1] == pytest.approx(10100 / (65534 + 5050), rel=1e-4)
    assert found[0, 2] == pytest.approx(2.0, rel=1e-4)


def test_a_picture_without_any_depth():
    assert np.isnan(decode(encode(np.full((4, 6), np.nan, np.float32)))).all()


def test_millimetres_are_stored_as_they_are():
    depth = np.array([[0, 1, 65535], [1234, 2, 3]], np.uint16)
    np.testing.assert_array_equal(decode(encode(depth)), depth)
