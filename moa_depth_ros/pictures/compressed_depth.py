"""Depth images as PNG, in the format of ROS's ``compressed_depth_image_transport``."""

from __future__ import annotations

import struct

import cv2
import numpy as np

QUANTISATION = 100.0
"""That package's default: steps of depth² / 10100, so 0.1 mm at 1 m and 1 cm at 10 m."""

_INVERSE_DEPTH = 0  # of the header's enumeration, the only format there is
_FASTEST = 1  # of PNG's levels 0 to 9
_LARGEST = np.iinfo(np.uint16).max


def encode(depth: np.ndarray) -> bytes:
    """Header (an int32 and the two float32 of the quantisation) and PNG file.

    uint16 is stored as it is. For float32, the inverse is stored: q = A / depth + B, rounded, 0
    where there is no depth. A is that package's default; B puts the farthest depth of the image at
    q = 1, so that no depth is too far. Depths below about 15 cm are clipped to that.

    Args:
        depth: (H, W) float32 metres, NaN invalid, or uint16 millimetres, 0 invalid.
    """
    a, b = 0.0, 0.0
    if depth.dtype == np.float32:
        a = QUANTISATION * (QUANTISATION + 1)
        b = 1 - a / float(np.nanmax(depth, initial=1e-3))
        steps = np.clip(np.rint(a / depth + b), 1, _LARGEST)
        depth = np.where(np.isfinite(depth), steps, 0).astype(np.uint16)
    png = cv2.imencode(".png", depth, [cv2.IMWRITE_PNG_COMPRESSION, _FASTEST])[1]
    return struct.pack("<iff", _INVERSE_DEPTH, a, b) + png.tobytes()
