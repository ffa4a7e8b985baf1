"""The encodings of pictures in messages; those that sensors give, Bayer mosaics and YUV 4:2:2, to
RGB by OpenCV. No ROS in it."""

from __future__ import annotations

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


def develop(raw: np.ndarray, encoding: str) -> np.ndarray:
    """RGB of a sensor's picture.

    Args:
        raw: uint8, (H, W) of a mosaic, (H, W, 2) of YUV 4:2:2 with an even W; rows may be padded.
        encoding: one of :data:`RAW_ENCODINGS`; YUV is that of ITU-R BT.601.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    return cv2.cvtColor(raw, RAW_ENCODINGS[encoding][0])
