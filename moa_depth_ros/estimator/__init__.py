"""An image in, metric depth out, on any device. Independent of ROS."""

from moa_depth_ros.estimator.depth_estimator import (
    DEMO_MODEL,
    PRECISIONS,
    DepthEstimate,
    DepthEstimator,
    Picture,
    find_device,
)

__all__ = [
    "DEMO_MODEL",
    "PRECISIONS",
    "DepthEstimate",
    "DepthEstimator",
    "Picture",
    "find_device",
]
