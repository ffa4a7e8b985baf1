"""The bytes of published messages.

They stay where they were made, and rclpy reads them there: assigning an array or a list to a
message's ``data`` costs up to a hundred milliseconds per image.
"""

from __future__ import annotations

from array import array

import numpy as np
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Header


def picture_message(header: Header, values: np.ndarray, encoding: str) -> Image:
    """An image message.

    Args:
        header: copied unchanged.
        values: (H, W) or (H, W, channels), contiguous, laid out as the encoding says; must not
            change before the message is published.
        encoding: of sensor_msgs, such as "rgb8".
    """
    height, width = values.shape[:2]
    msg = Image(header=header, height=height, width=width, encoding=encoding)
    msg.step = values[0].nbytes
    attach(msg, values)
    return msg


def attach(msg: Image | PointCloud2, values: np.ndarray) -> None:
    """Use the values themselves, contiguous, as the data of a message that will be published.

    Publishing copies from any object that has bytes. The setter of ``data`` insists on an
    ``array.array``, for which the values would have to be copied once more.
    """
    flat = values.reshape(-1).view(np.uint8).data
    if hasattr(msg, "_data"):  # in Humble to Lyrical
        msg._data = flat
    else:
        msg.data = array("B")
        msg.data.frombytes(flat)
