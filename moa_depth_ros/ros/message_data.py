"""The bytes of messages that are published.

They are left where they were made, for rclpy to read: assigning an array or a list to a message's
``data`` costs up to a hundred milliseconds a picture.
"""

from __future__ import annotations

from array import array

import numpy as np
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Header


def picture_message(header: Header, values: np.ndarray, encoding: str) -> Image:
    """A picture.

    Args:
        header: copied untouched.
        values: (H, W) or (H, W, channels), contiguous, as the encoding has them; not to be changed
            before the message is published.
        encoding: of sensor_msgs, such as "rgb8".
    """
    height, width = values.shape[:2]
    msg = Image(header=header, height=height, width=width, encoding=encoding)
    msg.step = values[0].nbytes
    attach(msg, values)
    return msg


def attach(msg: Image | PointCloud2, values: np.ndarray) -> None:
    """Make the values themselves, contiguous, the data of a message that will be published.

    Publishing copies from whatever has bytes. The setter of ``data`` insists on an ``array.array``,
    for which the values would be copied once more.
    """
    flat = values.reshape(-1).view(np.uint8).data
    if hasattr(msg, "_data"):  # in Humble to Lyrical
        msg._data = flat
    else:
        msg.data = array("B")
        msg.data.frombytes(flat)
