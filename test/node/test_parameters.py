"""The parameter file and the documentation agree with the table."""

import re
from itertools import chain, repeat

import pytest
import yaml

from demo.processes import ROOT
from moa_depth_ros.ros.parameter_table import TABLE

ROWS = {row.name: row for row in TABLE}


def test_the_parameter_file_has_every_parameter_with_its_default():
    given = yaml.safe_load((ROOT / "config" / "depth.yaml").read_text())["/**"]["ros__parameters"]
    assert given == {name: row.default for name, row in ROWS.items()}
    for name, value in given.items():
        assert type(value) is type(ROWS[name].default), name  # ROS distinguishes 0 from 0.0


def test_the_readme_has_every_parameter_with_its_default():
    text = (ROOT / "README.md").read_text()
    table = re.search(r"\| parameter \| default .*?\n\n", text, re.DOTALL)[0]
    found = {}
    for line in table.strip().splitlines()[2:]:
        names, given, _ = (cell.strip() for cell in line.strip("| ").split(" | ", 2))
        defaults = given.split(", ")  # one per name, or one for all
        for name, default in zip(
            names.rstrip("* ").split(", "), chain(defaults, repeat(defaults[0])), strict=False
        ):
            found[name.strip("`")] = default.split()[0].strip("`"), names.endswith("*")
    in_words = {"model": "the", "cameras": "one"}
    assert found == {
        name: (in_words.get(name, yaml.safe_dump(row.default).split()[0]), row.read_only)
        for name, row in ROWS.items()
    }


def test_the_recipe_for_nav2_sets_parameters_that_there_are():
    text = (ROOT / "docs" / "nav2.md").read_text()
    node, costmap = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
    given = node["/moa_depth"]["ros__parameters"]
    assert (
        given["cloud_voxel_size"]
        == (costmap["local_costmap"]["local_costmap"]["ros__parameters"]["resolution"])
    )
    for name, value in given.items():
        row = ROWS[name]
        assert type(value) is type(row.default), name
        assert row.refusal(value) is None
        if row.limits:
            low, high = row.limits
            assert low <= value <= high


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_descriptors_say_what_is_allowed(row):
    descriptor = row.descriptor()
    assert descriptor.description == row.description
    assert descriptor.read_only == row.read_only
    ranges = [*descriptor.integer_range, *descriptor.floating_point_range]
    assert [(r.from_value, r.to_value) for r in ranges] == ([row.limits] if row.limits else [])
    assert all(choice in descriptor.additional_constraints for choice in row.choices)
