"""The trainer's command line, its checkpoints and what it refuses."""

from __future__ import annotations

import csv
import errno
import json
import logging
import multiprocessing
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
import yaml
from huggingface_hub import constants
from safetensors.torch import save_file

from moa_depth_ros.network import NetworkConfig
from test.training.layouts import write_folder
from test.training.tiny_runs import arguments, write_pictures
from training import train, weights
from training.checkpoints import AtomicCheckpointIO, BackgroundCheckpointIO, newest
from training.errors import CheckpointError, WeightsError
from training.module import DepthModule
from training.optimiser import one_cycle
from training.precision import default_precision
from training.weights import build_network

ROOT = Path(__file__).parents[2]
OFFLINE = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "HF_HUB_OFFLINE": "1",
    "PYTHONPROFILEIMPORTTIME": "1",  # every import is a line on standard error
}


@pytest.mark.timeout(300)  # a process of its own, which imports torch on a busy machine
def test_alone_without_data_it_says_what_to_get_and_needs_no_ros(tmp_path):
    command = [sys.executable, "-m", "training.train"]
    done = subprocess.run(command, cwd=tmp_path, env=OFFLINE, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error:") == 1
    for text in ("data/nyu/nyu_depth_v2_labeled.mat", "splits.mat", "config/training/demo.yaml"):
        assert text in done.stderr
    assert "torch" in done.stderr
    assert "rclpy" not in done.stderr


def test_without_weights_it_says_what_to_get(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    config = DepthModule().network_config
    with pytest.raises(
        WeightsError, match=r"no CLIP weights 'openai' for 'ViT-B-32-quickgelu'"
    ) as caught:
        build_network(config)
    for said in (
        "(open_clip_model.safetensors of timm/vit_base_patch32_clip_224.openai on the Hugging",
        "--model.network.pretrained FILE",
        "training.tables TABLE --pretrained FILE",
    ):
        assert said in str(caught.value)


@pytest.mark.filterwarnings("ignore:'torch.load' received a zip file:UserWarning")
def test_weights_in_another_format_are_told_from_missing_ones(tmp_path, tiny_clip):
    """OpenAI's own, and those of the transformers library."""
    archive, renamed = tmp_path / "ViT-B-32.pt", tmp_path / "model.safetensors"
    torch.jit.script(torch.nn.Linear(2, 2)).save(archive)
    save_file({"vision_model.pre_layrnorm.bias": torch.zeros(2)}, renamed)
    for path, reason in ((archive, "TorchScript archives"), (renamed, "Missing key")):
        with pytest.raises(WeightsError, match=reason) as caught:
            build_network(NetworkConfig(str(tiny_clip), str(path), (48, 64)))
        said = str(caught.value)
        assert "expected a file as open_clip writes it, open_clip_model.safetensors" in said
        assert "internet" not in said


@pytest.mark.parametrize("suffix", [".pt", ".npz"])
@pytest.mark.parametrize("content", ["", "hello\n", "# a note, no weights\n", "[1, 2]", "{}"])
def test_weights_that_are_no_checkpoint_are_named(tmp_path, tiny_clip, content, suffix):
    path = tmp_path / f"ViT-B-32{suffix}"
    if content[:1] in ("[", "{"):
        torch.save(json.loads(content), path)
    else:
        path.write_text(content)
    with pytest.raises(WeightsError, match="expected a file as open_clip writes it") as caught:
        build_network(NetworkConfig(str(tiny_clip), str(path), (48, 64)))
    assert str(caught.value).startswith(f"no CLIP weights {str(path)!r} for ")


def test_weights_that_are_no_download_ask_for_none(monkeypatch, tmp_path, tiny_clip):
    monkeypatch.setattr(weights, "_hub_in_reach", lambda: pytest.fail("asked"))
    build_network(NetworkConfig(str(tiny_clip), None, (48, 64)))
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="no CLIP weights"):
        build_network(NetworkConfig(str(tiny_clip), str(path), (48, 64)))


def test_what_was_not_logged_before_is_not_logged_after(monkeypatch, tiny_clip):
    monkeypatch.setattr(logging.root.manager, "disable", logging.INFO)
    build_network(NetworkConfig(str(tiny_clip), None, (48, 64)))
    with pytest.raises(WeightsError):
        build_network(NetworkConfig(str(tiny_clip), "nowhere.pt", (48, 64)))
    assert logging.root.manager.disable == logging.INFO


def test_an_error_of_the_code_is_not_taken_for_missing_weights(monkeypatch, tiny_clip):
    def broken(config):
        raise RuntimeError("two devices")

    monkeypatch.setattr(weights, "build_clip", broken)
    with pytest.raises(RuntimeError, match="two devices") as caught:
        build_network(NetworkConfig(str(tiny_clip), None, (48, 64)))
    assert type(caught.value) is RuntimeError


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
    assert "name one before, such as --config config/training/paper.yaml" in capsys.readouterr().err


def test_what_says_what_the_data_are_is_the_key(tmp_path, capsys):
    """In JSON, too, and in no comment or word."""
    over, json_file = tmp_path / "over.yaml", tmp_path / "whole.json"
    over.write_text("# metadata: of an overlay\noutput: runs/data:1\n")
    assert train.main(["--config", str(over)]) == 1
    assert "name one before" in capsys.readouterr().err
    files = "training.data.files.FilesDataModule"
    data = {"class_path": files, "init_args": {"root": str(tmp_path / "none")}}
    json_file.write_text(
        json.dumps({"data": data, "output": str(tmp_path / "run")}, indent="\t")  # no YAML
    )
    assert train.main(["--config", str(json_file)]) == 1
    assert f"{tmp_path / 'none'}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"7", "expected keys and their values, found 7"),
        (b"- data", "expected keys and their values, found ['data']"),
        (b"# nothing\n", "expected keys and their values, found an empty file"),
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


def test_an_interval_beyond_the_epoch_is_one_line(tmp_path, write_nyu, tiny_clip, capsys):
    data, changes = write_pictures(tmp_path / "data", write_nyu), {"trainer__val_check_interval": 9}
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, **changes)) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert line.startswith("error: trainer: ") and "`val_check_interval` (9)" in line


def test_a_run_that_is_refused_leaves_nothing(tmp_path, write_nyu, tiny_clip):
    data = write_pictures(tmp_path / "data", write_nyu)
    assert train.main(arguments(tmp_path / "none", tmp_path / "run", tiny_clip)) == 1
    assert not (tmp_path / "run").exists()
    assert train.main(arguments(data, tmp_path / "run", tiny_clip)) == 0
    before = sorted((tmp_path / "run").rglob("*"))
    assert train.main(arguments(data, tmp_path / "run", tiny_clip)) == 1
    resume = {"ckpt_path": "last", "model__network__num_bins": 8}
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, **resume)) == 1
    assert sorted((tmp_path / "run").rglob("*")) == before


def test_the_runs_folder_may_be_in_the_home(tmp_path, monkeypatch, write_nyu, tiny_clip, capsys):
    data = write_pictures(tmp_path / "data", write_nyu)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert train.main(arguments(data, "~/run", tiny_clip)) == 0
    assert f"model folder: {tmp_path}/home/run/model\n" in capsys.readouterr().out
    assert (tmp_path / "home" / "run" / "model" / "config.json").is_file()
    assert not (tmp_path / "~").exists()
    assert train.main(arguments(data, "", tiny_clip)) == 1
    assert "error: output: expected a folder, found ''" in capsys.readouterr().err


def test_a_trial_of_one_step_writes_nothing(tmp_path, write_nyu, tiny_clip):
    data, trial = write_pictures(tmp_path / "data", write_nyu), {"trainer__fast_dev_run": "true"}
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, **trial)) == 0
    assert not (tmp_path / "run").exists()


def test_a_run_says_where_its_weights_are_from(tmp_path, write_nyu, tiny_clip):
    data = write_pictures(tmp_path / "data", write_nyu)
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, trainer__max_epochs=2)) == 0
    found = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert found["device"].startswith("CPU") and set(found["versions"]) > {"torch", "python"}
    counts = {"epochs": 2, "steps": 6, "training pictures": 6, "validation pictures": 3}
    assert {name: found[name] for name in counts} == counts


def test_an_epoch_that_is_not_finished_does_not_count(tmp_path, write_nyu, tiny_clip):
    data, limit = write_pictures(tmp_path / "data", write_nyu), {"trainer__max_steps": 4}
    command = arguments(data, tmp_path / "run", tiny_clip, trainer__max_epochs=3, **limit)
    assert train.main(command) == 0
    found = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert (found["epochs"], found["steps"]) == (1, 4)


@pytest.mark.parametrize(("limit", "steps"), [("1", 1), ("2", 2), ("0.67", 2)])
def test_a_limit_is_a_number_of_batches_or_a_share(tmp_path, write_nyu, tiny_clip, limit, steps):
    data = write_pictures(tmp_path / "data", write_nyu)
    limits = {"trainer__limit_train_batches": limit, "trainer__limit_val_batches": "1"}
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, **limits)) == 0
    found = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert found["steps"] == steps


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
    assert read("finetune")["model"]["crop"] == "none"  # the whole picture of any camera


def test_none_is_random_weights_and_one_gpu_the_default(capsys):
    with pytest.raises(SystemExit):
        train.main(["--model.network.pretrained", "none", "--print_config"])
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["trainer"]["devices"] == 1  # more of them change what a recipe gives
    assert NetworkConfig.from_dict(printed["model"]["network"]).pretrained is None


def write_forever(path: Path, written: Any) -> None:
    for number in range(1_000_000):
        state = {"number": number, "weights": torch.full((300, 300), float(number))}
        AtomicCheckpointIO().save_checkpoint(state, path)
        written.value = number


def test_checkpoints_replace_whole(tmp_path):
    """Killed while it writes checkpoint after checkpoint, the newest whole one still loads."""
    path = tmp_path / "epoch-000.ckpt"
    processes = multiprocessing.get_context("fork")
    written = processes.Value("i", -1)
    process = processes.Process(target=write_forever, args=(path, written))
    process.start()
    while written.value < 5:
        time.sleep(0.003)
    process.kill()
    process.join()
    loaded = AtomicCheckpointIO().load_checkpoint(path)
    assert loaded["number"] >= 5
    assert (loaded["weights"] == loaded["number"]).all()
    assert newest(tmp_path) == path


def epochs(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("epoch-*"))


def test_a_checkpoint_in_the_background_is_of_the_moment(tmp_path, monkeypatch):
    """Training goes on meanwhile; the older ones stay until it is in its place."""
    going = threading.Event()
    io, flush = BackgroundCheckpointIO(), os.fsync
    state = {"optimiser": [{"step": torch.zeros(3)}]}
    for number in range(2):
        io.save_checkpoint(state, tmp_path / f"epoch-00{number}.ckpt")
    io.teardown()
    monkeypatch.setattr(os, "fsync", lambda file: going.wait(30) and flush(file))
    io.save_checkpoint(state, tmp_path / "epoch-002.ckpt")
    state["optimiser"][0]["step"] += 1
    assert epochs(tmp_path) == ["epoch-000.ckpt", "epoch-001.ckpt"]
    going.set()
    io.teardown()
    assert epochs(tmp_path) == ["epoch-001.ckpt", "epoch-002.ckpt"]
    (group,) = io.load_checkpoint(tmp_path / "epoch-002.ckpt")["optimiser"]
    assert torch.equal(group["step"], torch.zeros(3))


@pytest.mark.parametrize("io", [AtomicCheckpointIO, BackgroundCheckpointIO])
def test_a_full_disk_ends_the_run_in_one_line(
    tmp_path, monkeypatch, write_nyu, tiny_clip, capsys, io
):
    monkeypatch.setattr(train, "AtomicCheckpointIO", io)
    data = write_pictures(tmp_path / "data", write_nyu)
    changes = {"trainer__limit_val_batches": 0}
    _, most = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))  # a checkpoint has more bytes
    try:
        assert train.main(arguments(data, tmp_path, tiny_clip, **changes)) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    path = tmp_path / "checkpoints" / "epoch-000.ckpt"
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said == f"error: [Errno 27] File too large: '{path}'"
    assert not list(path.parent.iterdir())
    assert not (tmp_path / "model").exists()


def test_a_disk_too_full_for_the_model_costs_no_training(
    tmp_path, monkeypatch, write_nyu, tiny_clip, capsys
):
    data, output = write_pictures(tmp_path / "data", write_nyu), tmp_path / "run"
    with monkeypatch.context() as patched:
        full = OSError(errno.ENOSPC, "No space left on device")
        patched.setattr(train, "save_network", Mock(side_effect=full))
        assert train.main(arguments(data, output, tiny_clip)) == 1
    assert capsys.readouterr().err.endswith(
        f"error: {output}: the model can't be written ([Errno 28] No space left on device); once "
        "there is room, the same command with --ckpt_path last writes it\n"
    )
    assert train.main(arguments(data, output, tiny_clip, ckpt_path="last")) == 0
    assert json.loads((output / "provenance.json").read_text())["steps"] == 3
    assert (output / "model" / "config.json").is_file()


def test_the_newest_checkpoint_is_that_of_the_latest_epoch(tmp_path):
    """By its number: after a thousand epochs, names are longer."""
    for name in ("epoch-999.ckpt", "epoch-1000.ckpt", "epoch-last.ckpt", "my-epoch-2000.ckpt"):
        (tmp_path / name).touch()
    assert newest(tmp_path).name == "epoch-1000.ckpt"


def test_nothing_in_a_checkpoint_is_executed(tmp_path):
    class Malicious:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    path = tmp_path / "epoch-000.ckpt"
    torch.save({"state_dict": Malicious()}, path)
    with pytest.raises(CheckpointError, match="epoch-000"):
        AtomicCheckpointIO().load_checkpoint(path)
    assert not (tmp_path / "executed").exists()


def test_a_missing_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="epoch-007"):
        AtomicCheckpointIO().load_checkpoint(tmp_path / "epoch-007.ckpt")


def test_one_cycle_rises_then_falls_to_nothing():
    factors = [one_cycle(step, 100) for step in range(101)]
    assert factors[0] == pytest.approx(0.2)
    assert factors[4:6] == pytest.approx([1.0, 1.0])
    assert factors[5:] == sorted(factors[5:], reverse=True)
    assert factors[-1] == pytest.approx(0.0, abs=1e-9)
    assert one_cycle(0, 1) == 1.0


def test_mixed_precision_leaves_weights_in_float32(tmp_path, write_nyu, tiny_clip):
    data = write_pictures(tmp_path / "data", write_nyu)
    changes = {"trainer__precision": "bf16-mixed"}
    assert train.main(arguments(data, tmp_path, tiny_clip, **changes)) == 0
    checkpoint = AtomicCheckpointIO().load_checkpoint(newest(tmp_path / "checkpoints"))
    weights = [value for name, value in checkpoint["state_dict"].items() if "network." in name]
    assert {value.dtype for value in weights} == {torch.float32}


@pytest.mark.parametrize(
    ("accelerator", "gpu", "bf16", "expected"),
    [
        ("auto", True, True, "bf16-mixed"),
        ("gpu", True, True, "bf16-mixed"),
        ("cpu", True, True, "32-true"),
        ("auto", True, False, "32-true"),
        ("auto", False, False, "32-true"),
    ],
)
def test_bfloat16_where_a_gpu_has_it(monkeypatch, accelerator, gpu, bf16, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16)
    assert default_precision(accelerator) == expected


def test_the_optimiser_is_the_configurations(tmp_path, write_nyu, tiny_clip):
    data = write_pictures(tmp_path / "data", write_nyu)
    changes = {"optimiser__schedule": "one_cycle", "optimiser__weight_decay": 0.25}
    changes = {f"model__{key}": value for key, value in changes.items()} | {
        "trainer__max_epochs": 2
    }
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, **changes)) == 0
    with next((tmp_path / "run").glob("logs/*/csv/metrics.csv")).open() as file:
        rates = [float(row["lr-AdamW"]) for row in csv.DictReader(file) if row["lr-AdamW"]]
    assert rates == pytest.approx([1e-3 * one_cycle(step, 6) for step in range(6)])
    checkpoint = AtomicCheckpointIO().load_checkpoint(newest(tmp_path / "run" / "checkpoints"))
    assert checkpoint["optimizer_states"][0]["param_groups"][0]["weight_decay"] == 0.25


def test_a_schedule_wants_an_end(tmp_path, write_nyu, tiny_clip, capsys):
    data = write_pictures(tmp_path / "data", write_nyu)
    changes = {"model__optimiser__schedule": "one_cycle", "trainer__max_epochs": -1}
    assert train.main(arguments(data, tmp_path, tiny_clip, **changes)) == 1
    said = "error: trainer.max_epochs: expected a number of epochs, because one_cycle ends"
    assert said in capsys.readouterr().err


def test_the_kind_of_depth_is_the_datas(tmp_path, tiny_clip, capsys):
    data = write_folder(tmp_path / "data")
    command = arguments(data, tmp_path / "run", tiny_clip, data__depth="filled")
    assert train.main(command) == 1
    expected = f"error: {data}: expected filled depth, but the layout folder has raw depth only"
    assert expected in capsys.readouterr().err


def test_a_run_without_any_depth_that_counts_ends(tmp_path, nyu, tiny_clip, capsys):
    """Its loss would be 0, and its model worth nothing."""
    data = nyu(raw=np.full((5, 6, 8), 2500, np.float32))  # millimetres instead of metres
    assert train.main(arguments(data, tmp_path / "run", tiny_clip)) == 1
    expected = "nothing was learned in epoch 0: no training picture has any depth up to 10 m"
    assert f"error: {expected}" in capsys.readouterr().err
    assert not (tmp_path / "run" / "model").exists()


@pytest.mark.parametrize("name", ["model", "best"])
def test_a_model_is_not_replaced(tmp_path, write_nyu, tiny_clip, capsys, name):
    """Also where its checkpoints were removed, to save room."""
    (tmp_path / "run" / name).mkdir(parents=True)
    command = arguments(write_pictures(tmp_path / "data", write_nyu), tmp_path / "run", tiny_clip)
    assert train.main(command) == 1
    assert f"run/{name}: is there already; start another run with --out" in capsys.readouterr().err


def test_a_run_without_a_step_writes_no_model(tmp_path, write_nyu, tiny_clip, capsys):
    data, output = write_pictures(tmp_path / "data", write_nyu), tmp_path / "run"
    assert train.main(arguments(data, output, tiny_clip, trainer__limit_train_batches=0)) == 1
    assert "error: the run ended without a training step" in capsys.readouterr().err
    assert not (output / "model").exists()
