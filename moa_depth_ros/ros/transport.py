"""Environment variables of DDS: the Fast DDS profile that a process uses, and whom it talks to."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

# rmw_fastrtps_cpp reads the first name from 9.3 on (Kilted), the second one before; later ones
# still read the second, but complain.
VARIABLE = "FASTDDS_DEFAULT_PROFILES_FILE"
OLDER_VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"
OLDER_DISTRIBUTIONS = ("humble", "iron", "jazzy")


def shared_file(name: str) -> Path:
    """A file of this package's ``config`` folder: in a checkout beside the package, else under
    ``share/moa_depth_ros`` of the prefix that the package was installed to.

    Args:
        name: such as "fastdds.xml".
    Raises:
        FileNotFoundError: not installed; the text names the places.
    """
    package = Path(__file__).resolve().parents[1]
    prefixes = [*package.parents, Path(sys.prefix)]
    places = [package.parent / "config" / name]
    places += [prefix / "share" / "moa_depth_ros" / "config" / name for prefix in prefixes]
    for place in places:
        if place.is_file():
            return place
    raise FileNotFoundError(f"{name} is not in {', '.join(str(place.parent) for place in places)}")


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
