"""A DDS domain of this process's own."""

import os

from moa_depth_ros.ros.transport import local_environment, profile_environment


def use_own_domain() -> None:
    """On this machine only, with the package's Fast DDS profile. Call it before any rclpy.init;
    processes started from here inherit it."""
    os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 101)
    os.environ.update(local_environment(os.environ))
    os.environ.update(profile_environment(os.environ))
