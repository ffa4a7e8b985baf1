"""DDS domains: no two programs of this machine share one by chance."""

import subprocess
import sys

import pytest

from demo import own_domain
from test.node.harness import ROOT

CLAIM_IT = """
from demo import own_domain
own_domain.DOMAINS = range(300, 301)
print(own_domain.claim_domain(), flush=True)
input()
"""


def test_a_domain_belongs_to_one_process_until_it_ends(monkeypatch):
    monkeypatch.setattr(own_domain, "DOMAINS", range(300, 301))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", CLAIM_IT], cwd=ROOT, **pipes) as other:
        assert other.stdout.readline() == "300\n"
        with pytest.raises(RuntimeError, match="from 300 to 300 is claimed"):
            own_domain.claim_domain()
        other.kill()
    assert own_domain.claim_domain() == 300


def test_the_users_domain_is_left_alone(monkeypatch):
    monkeypatch.setattr(own_domain, "DOMAINS", range(301, 303))
    variables = own_domain.own_domain({"ROS_DOMAIN_ID": "301"})
    assert variables["ROS_DOMAIN_ID"] == "302"
    with pytest.raises(RuntimeError):
        own_domain.claim_domain(other_than="301")
