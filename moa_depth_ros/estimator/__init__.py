"""A picture in, metric depth out, on any device. It knows no ROS."""

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
