"""The Fast DDS profile, and which processes use it."""

import os
import xml.etree.ElementTree as ElementTree

import pytest

from demo.own_domain import PROFILE
from moa_depth_ros.ros.shared_files import shared_file
from moa_depth_ros.ros.transport import (
    OLDER_VARIABLE,
    VARIABLE,
    local_environment,
    profile_environment,
    shared_memory_shortage,
)


def test_the_profile_has_shared_memory_for_pictures_first_and_udp_for_other_machines():
    root = ElementTree.parse(shared_file("fastdds.xml")).getroot()
    space = {"dds": "http://www.eprosima.com"}
    kinds = {
        element.findtext("dds:transport_id", namespaces=space): element
        for element in root.iterfind(".//dds:transport_descriptor", space)
    }
    participant = root.find("dds:participant", space)
    assert participant.get("is_default_profile") == "true"
    used = [e.text for e in participant.iterfind(".//dds:userTransports/dds:transport_id", space)]
    assert [kinds[name].findtext("dds:type", namespaces=space) for name in used] == ["SHM", "UDPv4"]
    segment = kinds[used[0]].findtext("dds:segment_size", namespaces=space)
    assert int(segment) == 64 * 1024 * 1024
    assert participant.findtext(".//dds:useBuiltinTransports", namespaces=space) == "false"


def test_only_the_demos_profile_announces_more_often():
    tag = "{http://www.eprosima.com}builtin"
    shipped, demos = (ElementTree.parse(path) for path in (shared_file("fastdds.xml"), PROFILE))
    (rtps,) = demos.iter("{http://www.eprosima.com}rtps")
    announcing = rtps.find(tag)
    assert announcing.findtext(".//{*}leaseAnnouncement/{*}nanosec") == "500000000"
    rtps.remove(announcing)
    canonical = [
        ElementTree.canonicalize(ElementTree.tostring(tree.getroot()), strip_text=True)
        for tree in (shipped, demos)
    ]
    assert canonical[0] == canonical[1]


@pytest.mark.parametrize(
    ("distribution", "variable"),
    [(None, VARIABLE), ("kilted", VARIABLE), ("jazzy", OLDER_VARIABLE), ("humble", OLDER_VARIABLE)],
)
def test_the_variable_is_the_one_that_the_distribution_reads(distribution, variable):
    environment = {"ROS_DISTRO": distribution} if distribution else {}
    assert profile_environment(environment) == {variable: str(shared_file("fastdds.xml"))}


@pytest.mark.parametrize(
    ("distribution", "variables"),
    [
        ("humble", {"ROS_LOCALHOST_ONLY": "1"}),
        ("jazzy", {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}),
        ("", {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}),
    ],
)
def test_ros_is_kept_on_this_machine(distribution, variables):
    assert local_environment({"ROS_DISTRO": distribution}) == variables


@pytest.mark.parametrize("variable", [VARIABLE, OLDER_VARIABLE])
def test_a_profile_that_the_user_chose_stays(variable):
    assert profile_environment({variable: "/mine.xml"}) == {}


def test_a_missing_file_names_the_places():
    with pytest.raises(FileNotFoundError, match=r"nothing\.xml is not in .*share/moa_depth_ros"):
        shared_file("nothing.xml")


def test_shared_memory_that_does_not_fit_is_told_with_the_way_out(tmp_path, monkeypatch):
    profile = shared_file("fastdds.xml").read_text()
    small, large = tmp_path / "small.xml", tmp_path / "large.xml"
    small.write_text(profile.replace("67108864", "1024"))
    large.write_text(profile.replace("67108864", str(10**15)))
    assert shared_memory_shortage({}) is None
    assert shared_memory_shortage({VARIABLE: str(small)}, tmp_path) is None
    for variable in (VARIABLE, OLDER_VARIABLE):
        text = shared_memory_shortage({variable: str(large)}, tmp_path)
        assert str(large) in text and "--shm-size" in text
    assert shared_memory_shortage({VARIABLE: str(tmp_path / "nowhere.xml")}, tmp_path) is None
    assert shared_memory_shortage({VARIABLE: str(large)}, tmp_path / "nowhere") is None
    monkeypatch.setattr(os, "access", lambda folder, mode: False)  # root may write anywhere
    said = shared_memory_shortage({VARIABLE: str(small)}, tmp_path)
    assert said.startswith(f"{tmp_path} is not writable")
