"""DDS domains: no two programs on this machine share one by accident."""

import os
import subprocess
import sys

import pytest

from demo import own_domain
from demo.processes import ROOT

CLAIM = """
import sys
from demo import own_domain
own_domain.DOMAINS = [int(sys.argv[1])]
print(own_domain.claim_domain(), flush=True)
input()
"""


@pytest.fixture
def domains(monkeypatch):
    """Two that exist only for this process's test: claiming them takes no more than a number."""
    domains = [2 * os.getpid() + 1000, 2 * os.getpid() + 1001]
    monkeypatch.setattr(own_domain, "DOMAINS", domains)
    monkeypatch.setattr(own_domain, "_claims", [])
    return domains


def test_a_domain_belongs_to_one_process_until_it_ends(domains):
    del domains[1]
    command = [sys.executable, "-c", CLAIM, str(domains[0])]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as other:
        assert int(other.stdout.readline()) == domains[0]
        with pytest.raises(RuntimeError, match=f"from {domains[0]} to {domains[0]} is claimed"):
            own_domain.claim_domain()
        other.kill()
    assert own_domain.claim_domain() == domains[0]


def test_the_users_domain_is_left_alone(domains):
    users = str(domains[0])
    variables = own_domain.own_domain({"ROS_DOMAIN_ID": users})
    assert variables["ROS_DOMAIN_ID"] == str(domains[1])
    with pytest.raises(RuntimeError):
        own_domain.claim_domain(other_than=users)
