"""What DDS gets from the environment: the Fast DDS profile, discovery range, shared memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from moa_depth_ros.ros.shared_files import shared_file

# rmw_fastrtps_cpp reads the first name since 9.3 (Kilted), the second one before; later versions
# still read the second, but complain.
VARIABLE = "FASTDDS_DEFAULT_PROFILES_FILE"
OLDER_VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"
OLDER_DISTRIBUTIONS = ("humble", "iron", "jazzy")
_OVERHEAD = 1.05  # what Fast DDS allocates in addition to the segment itself


def profile_environment(
    environment: Mapping[str, str], profile: Path | None = None
) -> dict[str, str]:
    """The variables to add to an environment so that images go through 64 MB of shared memory.

    Args:
        environment: the current one; a profile that the user chose there stays.
        profile: None: the one shipped with this package.
    Returns:
        The variable that this ROS distribution reads, or nothing if one is set already.
    """
    if environment.get(VARIABLE) or environment.get(OLDER_VARIABLE):
        return {}
    older = environment.get("ROS_DISTRO") in OLDER_DISTRIBUTIONS
    return {OLDER_VARIABLE if older else VARIABLE: str(profile or shared_file("fastdds.xml"))}


def local_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variable that keeps ROS on this machine.

    Args:
        environment: the current one.
    Returns:
        The variable that this ROS distribution reads.
    """
    if environment.get("ROS_DISTRO") == "humble":
        return {"ROS_LOCALHOST_ONLY": "1"}
    return {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}


def shared_memory_shortage(
    environment: Mapping[str, str], folder: Path = Path("/dev/shm")
) -> str | None:
    """What to do if a profile's shared memory does not fit, or None. Fast DDS itself says that the
    platform has none, and continues through UDP, which loses most of the images.

    Args:
        environment: of a process that has not started DDS yet.
        folder: of the shared memory.
    """
    profile = environment.get(VARIABLE) or environment.get(OLDER_VARIABLE)
    if not profile or not folder.is_dir():
        return None
    try:
        asked = ElementTree.parse(profile).getroot().findtext(".//{*}segment_size")
        needed = _OVERHEAD * int(asked or 0)
    except (OSError, ElementTree.ParseError, ValueError):  # Fast DDS reports these
        return None
    if not os.access(folder, os.W_OK):
        return f"{folder} is not writable: images and clouds will go through UDP, and get lost."
    free = shutil.disk_usage(folder).free
    if needed <= free:
        return None
    return (
        f"{folder} has {free / 2**20:.0f} MiB left, but {profile} asks for {needed / 2**20:.0f} "
        "MiB per process: images and clouds will get lost. Enlarge it (in Docker: --shm-size=512m "
        "or --ipc=host), or use a profile with a smaller segment_size."
    )
