"""Quality of service of the node's topics, and what users may override in it."""

from __future__ import annotations

from rclpy.qos import QoSPolicyKind, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

# Durability in addition to rclpy's usual three: only those who ask for it receive a CameraInfo that
# is published once.
OVERRIDABLE = QoSOverridingOptions(
    (
        QoSPolicyKind.HISTORY,
        QoSPolicyKind.DEPTH,
        QoSPolicyKind.RELIABILITY,
        QoSPolicyKind.DURABILITY,
    )
)


# A new profile for each topic: rclpy writes a topic's overrides into the profile that it is given.


def input_qos() -> QoSProfile:
    """Only the newest image is of use, and best effort receives from reliable cameras, too."""
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


def output_qos() -> QoSProfile:
    """Reliable, so that readers of both kinds receive it."""
    return QoSProfile(depth=2, reliability=ReliabilityPolicy.RELIABLE)
