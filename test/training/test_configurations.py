"""The trainer's configurations and its command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from moa_depth_ros.network import NetworkConfig
from training import train

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("key", ["model.network.num_expert", "model.loss.max_depth"])
def test_an_unknown_key_is_refused(key, capsys):
    with pytest.raises(SystemExit):
        train.main([f"--{key}", "4"])
    assert key in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("model.network.num_bins", "0", "num_bins: expected at least 1, found 0"),
        ("model.network.input_size", "[0,0]", "input_size: expected positive sizes"),
        ("seed_everything", "-1", "-1 is not in bounds"),
        ("model.augmentation.gamma", "3", "gamma: expected 0 to 1, found 3"),
        ("model.augmentation.crop", "1.5", "crop: expected 0 to 1, found 1.5"),
        ("model.augmentation.rotation", "-5", "rotation: expected 0 to 180, found -5"),
        ("model.augmentation.brightness", ".nan", "brightness: expected 0 to 1, found nan"),
        ("model.augmentation.seed", "-1", "seed: expected 0 to inf, found -1"),
        ("model.optimiser.lr", "-1", "lr: expected 0 to inf, found -1"),
        ("model.optimiser.weight_decay", ".inf", "weight_decay: expected 0 to inf, found inf"),
        ("data.seed", "-1", "seed: expected at least 0, found -1"),
        ("data.rooms_per_epoch", "0", "rooms_per_epoch: expected at least 1, found 0"),
        ("data.val_rooms", "0", "val_rooms: expected at least 1, found 0"),
        ("trainer.check_val_every_n_epoch", "0", "check_val_every_n_epoch: expected at least 1"),
        ("trainer.accumulate_grad_batches", "0", "accumulate_grad_batches: expected at least 1"),
        ("trainer.val_check_interval", "0", "val_check_interval: expected above 0, found 0"),
        ("model.loss.silog", "-0.5", "silog: expected 0 to inf, found -0.5"),
        ("model.loss.silog_lambda", "2", "silog_lambda: expected 0 to 1, found 2"),
    ],
)
def test_a_value_that_cannot_be_is_one_line(tmp_path, capsys, key, value, says):
    demo = str(ROOT / "config" / "training" / "demo.yaml")
    command = ["--config", demo, f"--{key}", value, "--output", str(tmp_path)]
    assert train.main(command) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert line.startswith("error: ") and says in line


@pytest.mark.parametrize("name", ["hires", "stand_in"])
def test_a_configuration_that_goes_over_another_one_says_so(capsys, name):
    path = ROOT / "config" / "training" / f"{name}.yaml"
    assert train.main(["--config", str(path)]) == 1
    assert "that one first, such as --config config/training/paper.yaml" in capsys.readouterr().err


def test_what_says_what_the_data_are_is_the_key(tmp_path, capsys):
    """In JSON, too, but not in a comment or within a word."""
    over, json_file = tmp_path / "over.yaml", tmp_path / "whole.json"
    over.write_text("# metadata: of an overlay\noutput: runs/data:1\n")
    assert train.main(["--config", str(over)]) == 1
    assert "name that one first" in capsys.readouterr().err
    files = "training.data.files.FilesDataModule"
    data = {"class_path": files, "init_args": {"root": str(tmp_path / "none")}}
    json_file.write_text(
        json.dumps({"data": data, "output": str(tmp_path / "run")}, indent="\t")  # not YAML
    )
    assert train.main(["--config", str(json_file)]) == 1
    assert f"{tmp_path / 'none'}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"7", "expected keys and values, found 7"),
        (b"- data", "expected keys and values, found ['data']"),
        (b"# nothing\n", "expected keys and values, found an empty file"),
        (b"a: [", "expected YAML in UTF-8: while parsing a flow node"),
        (b"\0", "expected YAML in UTF-8: "),
        (b"output: caf\xe9", "expected YAML in UTF-8: 'utf-8' codec can't decode byte 0xe9"),
    ],
)
@pytest.mark.parametrize("before", [[], ["--data", "x"], ["--config", str(train.DEFAULT_CONFIG)]])
def test_a_file_that_is_no_configuration_is_named(tmp_path, capsys, before, content, says):
    path = tmp_path / "none.yaml"
    path.write_bytes(content)
    assert train.main([*before, "--config", str(path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: --config: {path}: {says}")


@pytest.mark.parametrize("config", [["--config", "C"], ["-c", "C"], ["--config=C"]])
def test_the_command_line_goes_over_configurations_wherever_it_names_them(capsys, config):
    config = [text.replace("C", str(train.DEFAULT_CONFIG)) for text in config]
    over = ["--data.root", "/elsewhere", "--model.optimiser.lr", "0.5"]
    for command in ([*over, *config], [*over[:2], *config, *over[2:]], [*config, *over]):
        with pytest.raises(SystemExit):
            train.main([*command, "--print_config"])
        printed = yaml.safe_load(capsys.readouterr().out)
        assert printed["data"]["init_args"]["root"] == "/elsewhere"
        assert printed["model"]["optimiser"]["lr"] == 0.5


def test_an_error_is_not_hidden_behind_every_key_there_is(capsys):
    with pytest.raises(SystemExit):
        train.main(["--model.netwrk.num_bins", "8"])
    said = capsys.readouterr().err
    assert "unrecognized arguments: --model.netwrk.num_bins" in said
    assert len(said.splitlines()) < 5


@pytest.mark.parametrize("name", ["paper", "demo", "finetune", "hires", "stand_in"])
def test_the_configurations_hold_known_keys(name, capsys):
    names = ("paper", name) if name in ("hires", "stand_in") else (name,)
    paths = [ROOT / "config" / "training" / f"{each}.yaml" for each in names]
    given = [text for path in paths for text in ("--config", str(path))]
    with pytest.raises(SystemExit) as caught:
        train.main([*given, "--model.optimiser.lr", "0.125", "--print_config"])
    assert caught.value.code in (0, None)
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["model"]["optimiser"]["lr"] == 0.125


def test_the_default_is_the_recipe_of_the_paper():
    recipe = yaml.safe_load(train.DEFAULT_CONFIG.read_text())
    optimiser = {"lr": 1e-5, "weight_decay": 1e-4, "schedule": "constant"}
    assert recipe["model"]["optimiser"] == optimiser
    assert recipe["model"]["loss"] == {
        "cross_entropy": 1.0,
        "l1": 1.0,
        "silog": 0.5,
        "silog_form": "paper",
        "silog_scale": 10.0,
        "silog_lambda": 0.85,
    }
    assert recipe["model"]["augmentation"] == {"flip": 0.5, "seed": 0}
    assert recipe["model"]["crop"] == "eigen"
    assert recipe["data"]["init_args"]["batch_size"] == 8
    assert recipe["trainer"]["max_epochs"] == 30
    network = NetworkConfig.from_dict(recipe["model"]["network"])
    assert network == NetworkConfig()


def test_the_other_configurations_are_as_documented():
    def read(name: str) -> dict[str, Any]:
        return yaml.safe_load((train.DEFAULT_CONFIG.parent / f"{name}.yaml").read_text())

    assert read("hires")["model"] == {"network": {"input_size": [480, 640]}}
    assert read("finetune")["model"]["crop"] == "none"  # the whole image of any camera


def test_none_is_random_weights_and_one_gpu_the_default(capsys):
    with pytest.raises(SystemExit):
        train.main(["--model.network.pretrained", "none", "--print_config"])
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["trainer"]["devices"] == 1  # more of them change what a recipe gives
    assert NetworkConfig.from_dict(printed["model"]["network"]).pretrained is None
