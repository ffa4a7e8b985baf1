"""Environment variables of DDS: the Fast DDS profile that a process uses, and whom it talks to."""

from __future__ import annotations

from collections.abc import Mapping

from moa_depth_ros.ros.shared_files import shared_file

# rmw_fastrtps_cpp reads the first name from 9.3 on (Kilted), the second one before; later ones
# still read the second, but complain.
VARIABLE = "FASTDDS_DEFAULT_PROFILES_FILE"
OLDER_VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"
OLDER_DISTRIBUTIONS = ("humble", "iron", "jazzy")


def profile_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables to add to an environment so that pictures go through 64 MB of shared memory.

    Args:
        environment: the present one; a profile that the user chose there stays.
    Returns:
        The variable that this ROS distribution reads, or nothing if one is set already.
    """
    if environment.get(VARIABLE) or environment.get(OLDER_VARIABLE):
        return {}
    older = environment.get("ROS_DISTRO") in OLDER_DISTRIBUTIONS
    return {OLDER_VARIABLE if older else VARIABLE: str(shared_file("fastdds.xml"))}


def local_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variable that keeps ROS on this machine.

    Args:
        environment: the present one.
    Returns:
        The variable that this ROS distribution reads.
    """
    if environment.get("ROS_DISTRO") == "humble":
        return {"ROS_LOCALHOST_ONLY": "1"}
    return {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
