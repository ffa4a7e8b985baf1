"""What DDS takes from the environment: the Fast DDS profile, whom to talk to, shared memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from moa_depth_ros.ros.shared_files import shared_file

# rmw_fastrtps_cpp reads the first name from 9.3 on (Kilted), the second one before; later ones
# still read the second, but complain.
VARIABLE = "FASTDDS_DEFAULT_PROFILES_FILE"
OLDER_VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"
OLDER_DISTRIBUTIONS = ("humble", "iron", "jazzy")
_OVERHEAD = 1.05  # what Fast DDS allocates beside the segment itself


def profile_environment(
    environment: Mapping[str, str], profile: Path | None = None
) -> dict[str, str]:
    """The variables to add to an environment so that pictures go through 64 MB of shared memory.

    Args:
        environment: the present one; a profile that the user chose there stays.
        profile: None: the one that ships with this package.
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
        environment: the present one.
    Returns:
        The variable that this ROS distribution reads.
    """
    if environment.get("ROS_DISTRO") == "humble":
        return {"ROS_LOCALHOST_ONLY": "1"}
    return {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}


def shared_memory_shortage(
    environment: Mapping[str, str], folder: Path = Path("/dev/shm")
) -> str | None:
    """What to do where a profile's shared memory does not fit, or None. Fast DDS itself says that
    the platform has none, and goes on through UDP, which loses most of the pictures.

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
    except (OSError, ElementTree.ParseError, ValueError):  # Fast DDS tells of these
        return None
    if not os.access(folder, os.W_OK):
        return f"{folder} can't be written: pictures and clouds will go through UDP, and get lost."
    free = shutil.disk_usage(folder).free
    if needed <= free:
        return None
    return (
        f"{folder} has {free / 2**20:.0f} MiB left, {profile} asks for {needed / 2**20:.0f} in "
        "each process: pictures and clouds will get lost. Give it more (in Docker --shm-size=512m "
        "or --ipc=host), or write a profile with a smaller segment_size."
    )
