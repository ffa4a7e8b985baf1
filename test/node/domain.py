"""A DDS domain for this process alone."""

import os

from demo.own_domain import own_domain


def use_own_domain() -> None:
    """On this machine only, with the Fast DDS profile. Call it before any rclpy.init; processes
    started from here inherit it."""
    os.environ.update(own_domain(os.environ))
