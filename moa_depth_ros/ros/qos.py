"""Quality of service of the node's topics, and which of it users may override."""

from __future__ import annotations

from rclpy.qos import QoSPolicyKind, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

# Durability beside rclpy's usual three: a CameraInfo that is published once is heard by those alone
# who ask for it.
OVERRIDABLE = QoSOverridingOptions(
    (
        QoSPolicyKind.HISTORY,
        QoSPolicyKind.DEPTH,
        QoSPolicyKind.RELIABILITY,
        QoSPolicyKind.DURABILITY,
    )
)


# New ones for each topic: rclpy writes a topic's overrides into the profile that it is given.


def input_qos() -> QoSProfile:
    """Only the newest picture is of use, and best effort hears reliable cameras too."""
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


def output_qos() -> QoSProfile:
    """Reliable, so that readers of both kinds hear it."""
    return QoSProfile(depth=2, reliability=ReliabilityPolicy.RELIABLE)
