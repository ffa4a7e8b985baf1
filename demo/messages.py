"""Messages as a camera driver writes them and as a reader of the node's outputs reads them.

Based on the message definitions and not on the node's own code, so that the demo and the tests see
what any other program sees.
"""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import Image, PointCloud2, PointField
from std_msgs.msg import Header

_PIXELS: dict[str, np.dtype] = {"32FC1": np.dtype("<f4"), "16UC1": np.dtype("<u2")}
_FIELDS = {PointField.FLOAT32: "<f4"}


def picture_message(header: Header, picture: np.ndarray, encoding: str) -> Image:
    """An image, (H, W) or (H, W, channels) of any number type, with rows that are contiguous."""
    height, width = picture.shape[:2]
    msg = Image(header=header, height=height, width=width, encoding=encoding)
    msg.step = picture[0].nbytes
    msg.data.frombytes(np.ascontiguousarray(picture).data.cast("B"))
    return msg


def read_colour(msg: Image) -> np.ndarray:
    """(H, W, 3) uint8 of an rgb8 message."""
    rows = np.frombuffer(msg.data, np.uint8).reshape(msg.height, msg.step)
    return rows[:, : msg.width * 3].reshape(msg.height, msg.width, 3)


def read_depth(msg: Image) -> np.ndarray:
    """(H, W) of a 32FC1 message (float32 metres) or a 16UC1 message (uint16 millimetres)."""
    pixel = _PIXELS[msg.encoding]
    rows = np.frombuffer(msg.data, np.uint8).reshape(msg.height, msg.step)
    return rows[:, : msg.width * pixel.itemsize].copy().view(pixel)


def read_cloud(msg: PointCloud2) -> tuple[np.ndarray, np.ndarray]:
    """Points (H, W, 3) float32 metres and colours (H, W, 3) uint8 RGB, by the message's fields."""
    layout = np.dtype(
        {
            "names": [field.name for field in msg.fields],
            "formats": [_FIELDS[field.datatype] for field in msg.fields],
            "offsets": [field.offset for field in msg.fields],
            "itemsize": msg.point_step,
        }
    )
    rows = np.frombuffer(msg.data, np.uint8).reshape(msg.height, msg.row_step)
    records = rows[:, : msg.width * msg.point_step].copy().view(layout)
    points = np.stack([records[axis] for axis in "xyz"], axis=-1)
    packed = np.ascontiguousarray(records["rgb"]).view(np.uint8).reshape(*points.shape[:2], 4)
    return points, packed[..., 2::-1]
