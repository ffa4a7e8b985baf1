"""A DDS domain for one program, on this machine only."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from moa_depth_ros.ros.transport import local_environment, profile_environment

PROFILE = Path(__file__).with_name("fastdds.xml")
DOMAINS = range(1, 102)  # above, DDS's ports collide with Linux's ephemeral ports
_claims: list[socket.socket] = []


def own_domain(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables to add to the current environment before DDS starts; a Fast DDS profile that
    the user chose there stays, and the domain there is left alone.

    Raises:
        RuntimeError: every domain is claimed.
    """
    return {
        **profile_environment(environment, PROFILE),
        **local_environment(environment),
        "ROS_DOMAIN_ID": str(claim_domain(environment.get("ROS_DOMAIN_ID"))),
    }


def claim_domain(other_than: str | None = None) -> int:
    """Claim a domain that no other process of this machine has claimed, until this one ends.

    The claim is an abstract Unix socket: it belongs to the network namespace, like a domain's
    ports, and the kernel releases it however a process ends.

    Raises:
        RuntimeError: every domain is claimed.
    """
    start = os.getpid() % len(DOMAINS)  # processes started together rarely try the same one first
    for domain in (*DOMAINS[start:], *DOMAINS[:start]):
        if str(domain) == other_than:
            continue
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0moa_depth_ros: ROS domain {domain}")
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return domain
    raise RuntimeError(f"every ROS domain from {DOMAINS[0]} to {DOMAINS[-1]} is claimed here")
