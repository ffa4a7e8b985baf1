"""The rows of the tables, as the paper has them."""

from __future__ import annotations

import dataclasses

from moa_depth_ros.network import NetworkConfig
from training.losses import LossConfig
from training.tables.rows import TABLES, Trained


def test_every_row_of_the_paper_is_there_with_its_figures():
    papers = {
        name: {row.title: dict(row.paper) for row in table.rows if row.paper}
        for name, table in TABLES.items()
    }
    assert len(papers["1"]) == 5
    assert papers["1"]["MoA-DepthCLIP, 128 bins"] == {
        "d1": 0.745,
        "d2": 0.841,
        "d3": 0.895,
        "abs_rel": 0.321,
        "log10": 0.098,
        "rmse": 0.520,
    }
    assert {title: figures["d1"] for title, figures in papers["2"].items()} == {
        "K = 1": 0.660,
        "K = 2": 0.661,
        "K = 4": 0.661,
        "K = 8": 0.665,
        "K = 16": 0.661,
    }
    assert {title: figures["rmse"] for title, figures in papers["3"].items()} == {
        "N = 40": 0.522,
        "N = 64": 0.534,
        "N = 128": 0.521,
        "N = 180": 0.532,
        "N = 200": 0.541,
    }


def test_a_folder_belongs_to_one_recipe():
    methods = {}
    for table in TABLES.values():
        assert len({row.key for row in table.rows}) == len(table.rows)
        for row in table.rows:
            assert methods.setdefault(row.run, row.method) == row.method, row.run


def test_each_row_leaves_out_the_part_that_it_names():
    changes = {
        row.key: dict(row.method.changes)
        for row in TABLES["parts"].rows
        if isinstance(row.method, Trained)
    }
    no_adapters, frozen = {"model.network.moa_layers": []}, {"model.network.trainable_blocks": 0}
    far = {"model.network.min_depth": 0.5}
    assert changes == {
        "whole": {},
        "no-context": {"model.network.scene_context": False},
        "adapters-only": frozen,
        "blocks-only": no_adapters,
        "heads-only": no_adapters | frozen,
        "cross-entropy": {"model.loss.l1": 0.0, "model.loss.silog": 0.0},
        "log-bins": far | {"model.network.bin_spacing": "log"},
        "sid-bins": far | {"model.network.bin_spacing": "sid"},
        "hires": {},
    }


def test_the_changes_of_every_row_fit_the_network():
    """Names and values, against the dataclass that the trainer's command line is made from."""
    known = {"network": NetworkConfig().to_dict(), "loss": dataclasses.asdict(LossConfig())}
    for row in (row for table in TABLES.values() for row in table.rows):
        changes = row.method.changes if isinstance(row.method, Trained) else {}
        for name, value in changes.items():
            _, section, key = name.split(".")
            assert key in known[section], name
            if section == "network":
                NetworkConfig(**{key: value})
