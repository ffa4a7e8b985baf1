"""The tables: rows that are trained and judged, resumed, written."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import yaml
from huggingface_hub import constants

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.machine.report import device_name
from moa_depth_ros.network import NetworkConfig
from test.training.another_process import another_process_in
from test.training.layouts import write_recording
from training import prepare
from training.data.layouts import open_splits
from training.data.nyu_labelled import MAT_NAME, RENDERED
from training.errors import DataError, TrainingError, WeightsError
from training.losses import LossConfig
from training.rooms import sample_frame
from training.tables.__main__ import main
from training.tables.rows import TABLES, TableRow, Trained, ZeroShot
from training.tables.run import finished_results, result_of
from training.tables.setting import CONFIGS, Setting, find_setting
from training.tables.write import Finished, markdown, plot, write_table

pytestmark = pytest.mark.timeout(300)  # trainers in processes of their own, on a busy machine


@pytest.fixture(scope="module")
def setting(tmp_path_factory, write_nyu, tiny_clip) -> Setting:
    """Eight small rooms and a tower that trains in milliseconds."""
    folder = tmp_path_factory.mktemp("tables")
    frames = [sample_frame(3, index, NYU_KINECT.resized(64, 48)) for index in range(8)]
    data = write_nyu(
        folder,
        np.stack([frame.picture for frame in frames]),
        np.stack([frame.depth for frame in frames]),
        [frame.scene_type for frame in frames],
        train=range(1, 6),
        test=range(6, 9),
    )
    network = {"architecture": str(tiny_clip), "pretrained": None, "input_size": [48, 64]}
    trainer = {"max_epochs": 1, "accelerator": "cpu", "enable_progress_bar": False}
    changes = {
        "model": {"network": network, "optimiser": {"lr": 1e-3}},
        "data": {"init_args": {"num_workers": 0}},
        "trainer": trainer,
    }
    tiny = folder / "tiny.yaml"
    tiny.write_text(yaml.safe_dump(changes))
    configs = CONFIGS / "paper.yaml", tiny
    return Setting(data, open_splits(data), configs, None, (96, 128), "on eight rooms")


def on(data: Path, setting: Setting) -> Setting:
    """The setting with other data, or with the same opened anew."""
    return dataclasses.replace(setting, data=data, splits=open_splits(data))


def row_of(table: str, key: str) -> TableRow:
    return next(row for row in TABLES[table].rows if row.key == key)


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


def test_a_row_is_trained_judged_and_not_made_twice(setting, tmp_path):
    row = row_of("2", "k2")
    result = result_of(row, 1, setting, tmp_path, None)
    folder = tmp_path / "bins-10-experts-2-seed1"
    config = json.loads((folder / "model" / "config.json").read_text())["network"]
    assert (config["num_experts"], config["num_bins"]) == (2, 10)
    assert set(result["figures"]) == {"fused", "binned", "regressed"}
    figures = result["figures"]["fused"]
    assert 0 <= figures["per image"]["d1"] <= 1 and figures["per image"]["rmse"] > 0
    assert figures["per image"] != figures["per image, median-scaled"]
    assert result["seconds"] > 0 and result["trainable"] > 0
    with (folder / "pictures.csv").open() as file:
        lines = [line for line in csv.DictReader(file) if line["depth"] == "fused"]
    found = [float(line["rmse"]) for line in lines]
    assert np.mean(found) == pytest.approx(figures["per image"]["rmse"], rel=1e-4)
    judged_on = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trained, judged = (made["device"] for made in result["provenance"])
    assert (trained[:3], judged) == ("CPU", device_name(judged_on))  # the setting's trainer
    (folder / "model" / "model.safetensors").unlink()  # a second training or judging would miss it
    assert result_of(row, 1, setting, tmp_path, None) == result
    with pytest.raises(TrainingError, match="made by another recipe"):
        result_of(row, 1, setting, tmp_path, 3)


def test_what_was_interrupted_belongs_to_its_recipe(setting, tmp_path):
    """No row of a short trial goes on, or is judged, as one of the whole recipe."""
    row = row_of("2", "k1")
    result_of(row, 0, setting, tmp_path, None)
    folder = tmp_path / "bins-10-experts-1-seed0"
    (folder / "result.json").unlink()
    with pytest.raises(TrainingError, match="made by another recipe"):
        result_of(row, 0, setting, tmp_path, 3)
    shutil.rmtree(folder / "model")
    moved = tmp_path / "moved"
    shutil.copytree(setting.data, moved)
    with pytest.raises(TrainingError, match="made by another recipe"):
        result_of(row, 0, on(moved, setting), tmp_path, None)


def test_a_row_is_not_taken_for_one_of_other_pictures_in_the_same_place(setting, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(setting.data, data)
    here = on(data, setting)
    row = row_of("2", "mean")
    assert result_of(row, 0, here, tmp_path, None) == result_of(row, 0, here, tmp_path, None)
    del here  # and with it the file's handles
    with h5py.File(data / MAT_NAME, "r+") as file:
        file["rawDepths"][...] = file["rawDepths"][...] * 0.5
    with pytest.raises(TrainingError, match="made by another recipe"):
        result_of(row, 0, on(data, setting), tmp_path, None)


@pytest.mark.parametrize("content", [b"", b'{"figures": {', b"\xff"])
@pytest.mark.parametrize("name", ["recipe.json", "attempts.json", "result.json"])
def test_a_damaged_file_of_a_row_is_named(setting, tmp_path, name, content):
    row = row_of("2", "mean")
    folder = tmp_path / row.run
    first = result_of(row, None, setting, tmp_path, None)
    if name == "attempts.json":
        (folder / "result.json").unlink()
    (folder / name).write_bytes(content)
    with pytest.raises(TrainingError, match=rf"{row.run}/{name}: expected JSON, .*; remove it$"):
        result_of(row, None, setting, tmp_path, None)
    if name != "attempts.json":
        with pytest.raises(TrainingError, match=f"{row.run}/{name}: expected JSON"):
            finished_results(row, setting, tmp_path, None)
    (folder / name).unlink()
    assert result_of(row, None, setting, tmp_path, None)["figures"] == first["figures"]


def test_a_row_is_judged_with_the_camera_of_the_test_pictures(setting, tmp_path, monkeypatch):
    """As training.evaluate does: depth is multiplied by the ratio of focal lengths."""
    row = row_of("2", "k1")
    plain = result_of(row, 0, setting, tmp_path, None)["figures"]["fused"]["per image"]
    (tmp_path / "bins-10-experts-1-seed0" / "result.json").unlink()
    longer = dataclasses.replace(NYU_KINECT, fx=2 * NYU_KINECT.fx, fy=2 * NYU_KINECT.fy)
    monkeypatch.setattr("training.data.nyu_labelled.NYU_KINECT", longer)
    again = on(setting.data, setting)
    scaled = result_of(row, 0, again, tmp_path, None)["figures"]["fused"]["per image"]
    assert scaled["rmse"] != pytest.approx(plain["rmse"], rel=0.01)


@pytest.mark.parametrize(
    ("name", "says"),
    [("nyu.mat", "found a file: name its folder"), ("recording", "found a recording")],
)
def test_data_that_no_table_is_made_on(tmp_path, name, says):
    data = tmp_path / name
    if name == "recording":
        write_recording(data)
    with pytest.raises(
        DataError, match=f"expected one of labelled, folder, frames, packed.*{says}"
    ):
        find_setting(data)


def test_a_trained_row_that_was_not_judged_goes_on_there(setting, tmp_path, monkeypatch):
    row = row_of("2", "k1")
    first = result_of(row, 0, setting, tmp_path, None)
    folder = tmp_path / "bins-10-experts-1-seed0"
    (folder / "result.json").unlink()
    for checkpoint in (folder / "checkpoints").iterdir():
        checkpoint.unlink()
    monkeypatch.setattr("training.tables.run.provenance", lambda device: made("later"))
    again = result_of(row, 0, setting, tmp_path, None)
    assert again["figures"] == first["figures"]
    assert again["seconds"] == first["seconds"]
    assert again["provenance"] == [first["provenance"][0], made("later")]


def test_a_failed_training_says_where_and_how(setting, tmp_path, capfd):
    row = TableRow("bad", "bad", "bad", Trained({"model.network.num_bins": 0}))
    with pytest.raises(TrainingError, match=r"bad-seed0: training ended with status"):
        result_of(row, 0, setting, tmp_path, None)
    assert "num_bins" in capfd.readouterr().err


def test_what_a_training_is_made_by_is_noted_before_it_starts(setting, tmp_path, monkeypatch):
    row, commits, seen = row_of("2", "k1"), ["one", "two"], []
    path = tmp_path / "bins-10-experts-1-seed0" / "attempts.json"

    def killed(command):
        assert command[-2:] == ["--ckpt_path", "last"]
        seen.append([attempt["provenance"] for attempt in json.loads(path.read_text())])
        raise KeyboardInterrupt

    monkeypatch.setattr("training.tables.run.subprocess.run", killed)
    monkeypatch.setattr("training.tables.run.provenance", lambda device: made(commits.pop(0)))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            result_of(row, 0, setting, tmp_path, None)
    assert seen == [[made("one")], [made("one"), made("two")]]


def test_rows_without_training(setting, tmp_path):
    mean = result_of(row_of("1", "mean"), 0, setting, tmp_path, None)
    assert set(mean["figures"]) == {"mean depth", "mean depth per pixel"}
    assert mean["trainable"] == 0
    baseline = row_of("1", "baseline")
    assert isinstance(baseline.method, ZeroShot)
    found = result_of(baseline, 0, setting, tmp_path, None)
    assert found["figures"]["-"]["per image"]["rmse"] > 0


def test_random_weights_of_a_zero_shot_row_are_always_the_same(setting, tmp_path, monkeypatch):
    drawn = []

    def network(backbone, words, pretrained):
        drawn.append(torch.rand(3))
        raise WeightsError

    monkeypatch.setattr("training.tables.run.DepthClip", network)
    for seed in (1, 2):
        torch.manual_seed(seed)
        state = torch.get_rng_state()
        with pytest.raises(WeightsError):
            result_of(row_of("1", "baseline"), None, setting, tmp_path, None)
        assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(*drawn)


def test_a_row_is_not_taken_for_one_of_other_words(setting, tmp_path, monkeypatch):
    monkeypatch.setattr("training.tables.run._judge", lambda *_: {})
    row = row_of("1", "baseline")
    result_of(row, None, setting, tmp_path, None)
    words = dataclasses.replace(row.method.words, depths=(*row.method.words.depths[:-1], 9.0))
    other = dataclasses.replace(row, method=dataclasses.replace(row.method, words=words))
    said = r"made by another recipe \(words.unseen: expected 9.0, found 4.0\)"
    for look in (
        lambda: finished_results(other, setting, tmp_path, None),
        lambda: result_of(other, None, setting, tmp_path, None),
    ):
        with pytest.raises(TrainingError, match=said):
            look()


def test_a_row_is_not_taken_for_one_of_another_tower(setting, tmp_path, monkeypatch):
    tower, config = tmp_path / "tower.json", tmp_path / "tower.yaml"
    tower.write_text("{}")
    config.write_text(yaml.safe_dump({"model": {"network": {"architecture": str(tower)}}}))
    here = dataclasses.replace(setting, configs=(*setting.configs, config))
    monkeypatch.setattr("training.tables.run._train", lambda *_: None)
    monkeypatch.setattr("training.tables.run._judge", lambda *_: {})
    monkeypatch.setattr("training.tables.run._trainable", lambda *_: 0)
    row = row_of("2", "k1")
    result_of(row, 0, here, tmp_path, None)
    result_of(row, 0, here, tmp_path, None)
    tower.write_text('{"embed_dim": 8}')
    with pytest.raises(TrainingError, match="made by another recipe"):
        result_of(row, 0, dataclasses.replace(here), tmp_path, None)


def test_a_stand_in_does_not_replace_a_table_made_with_weights(
    setting, tmp_path, monkeypatch, capsys
):
    with_weights = dataclasses.replace(setting, clip="openai")
    monkeypatch.setattr("training.tables.__main__.find_setting", lambda *_: with_weights)
    monkeypatch.setattr("training.tables.run._train", lambda *_: pytest.fail("trained"))
    row, output = row_of("2", "k1"), ["--output", str(tmp_path)]
    with pytest.raises(pytest.fail.Exception):
        result_of(row, 0, with_weights, tmp_path, None)
    assert main(["2", "--rows", "mean", *output]) == 0
    before = (tmp_path / "table-2.md").read_bytes()
    monkeypatch.setattr("training.tables.__main__.find_setting", lambda *_: setting)
    assert main(["2", "--rows", "mean", *output]) == 1
    folder = tmp_path / "bins-10-experts-1-seed0"
    said = f"{folder}: made by another recipe (clip: expected None, found openai). Ask for what"
    assert said in capsys.readouterr().err
    assert (tmp_path / "table-2.md").read_bytes() == before


def test_a_short_trial_does_not_replace_a_whole_table(setting, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("training.tables.__main__.find_setting", lambda *_: setting)
    command = ["2", "--rows", "k1", "mean", "--output", str(tmp_path)]
    assert main(command) == 0
    before = (tmp_path / "table-2.md").read_bytes()
    assert b"| K = 1 " in before
    for rows in (["k1", "mean"], ["mean"], ["k2"]):
        assert main(["2", "--rows", *rows, "--max_epochs", "2", *command[-2:]]) == 1
        assert "(trainer.max_epochs: expected 2, found 1). Ask" in capsys.readouterr().err
    assert (tmp_path / "table-2.md").read_bytes() == before


def test_a_recipe_is_its_values_however_they_were_given(setting, tmp_path, monkeypatch):
    monkeypatch.setattr("training.tables.run._train", lambda *_: None)
    monkeypatch.setattr("training.tables.run._judge", lambda *_: {})
    monkeypatch.setattr("training.tables.run._trainable", lambda *_: 0)
    row = row_of("parts", "blocks-only")
    result = result_of(row, 0, setting, tmp_path, None)
    recipe = json.loads((tmp_path / "no-adapters-seed0" / "recipe.json").read_text())
    assert (recipe["model.network.moa_layers"], recipe["trainer.max_epochs"]) == ([], 1)
    assert result_of(row, 0, setting, tmp_path, 1) == result
    small = yaml.safe_dump({"model": {"network": {"moa_layers": []}}})
    (tmp_path / "small.yaml").write_text(f"# what the row changes anyway\n{small}")
    configs = *setting.configs, tmp_path / "small.yaml"
    here = dataclasses.replace(setting, configs=configs)
    assert result_of(row, 0, here, tmp_path, None) == result


def test_the_trainer_takes_every_kind_of_value(setting, tmp_path):
    """A list, a bool, a text, a number and what the command line adds."""
    changes = {
        "model.network.moa_layers": [],
        "model.network.scene_context": False,
        "model.network.bin_spacing": "log",
        "model.network.min_depth": 0.5,
    }
    row = TableRow("every", "every", "every", Trained(changes, hires=True))
    result_of(row, 0, setting, tmp_path, 1)
    config = json.loads((tmp_path / "every-seed0" / "model" / "config.json").read_text())
    values = {f"model.network.{key}": value for key, value in config["network"].items()}
    assert {name: values[name] for name in changes} == changes
    assert values["model.network.input_size"] == [96, 128]


def test_a_large_input_is_not_trained_on_shrunk_pictures(setting, tmp_path, monkeypatch, capsys):
    packed = tmp_path / "packed.h5"
    size = ["--size", "24", "32"]
    assert prepare.main(["--convert", str(setting.data), *size, "--out", str(packed)]) == 0
    small = on(packed, setting)
    monkeypatch.setattr("training.tables.__main__.find_setting", lambda *_: small)
    assert main(["parts", "--rows", "hires", "mean", "--output", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert "packed at 32x24 pixels, and the row's input is 128x96; pack them" in printed.err
    assert "| mean depth | **ours** |" in printed.out


def test_a_row_whose_weights_are_missing_does_not_keep_the_others(
    setting, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("training.tables.__main__.find_setting", lambda *_: setting)

    def no_weights(method, clip):
        raise WeightsError(f"no CLIP weights for {method.backbone!r}")

    monkeypatch.setattr("training.tables.run._zero_shot", no_weights)
    assert main(["1", "--rows", "depthclip-7", "--output", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert "| mean depth per pixel | **ours** |" in printed.out
    assert "  DepthCLIP, ResNet-50, 7 bins: no CLIP weights for 'RN50-quickgelu'" in printed.err
    assert "mean depth" not in printed.err
    assert "| DepthCLIP" not in (tmp_path / "table-1.md").read_text()


def made(commit: str) -> dict:
    return {"commit": commit, "device": f"CPU of {commit}", "versions": {"torch": "1"}}


def test_the_tables_three_forms(tmp_path):
    averages = {"d1": 0.5, "d2": 0.7, "d3": 0.9, "abs_rel": 0.3, "log10": 0.1, "rmse": 0.8}

    def result(shift: float) -> dict:
        plain = {name: value + shift for name, value in averages.items()}
        return {
            "figures": {
                depth: {"per image": values, "per image, median-scaled": averages}
                for depth, values in (("fused", plain), ("binned", averages))
            },
            "trainable": 1234567,
            "seconds": 90.0,
            "provenance": [made("abc+"), made("def")],
        }

    finished = [Finished(row_of("3", "n64"), {0: result(0.0), 1: result(0.1)})]
    table = TABLES["3"]
    write_table(table, "on rooms", "9 pictures", finished, tmp_path / "table-3")
    text = (tmp_path / "table-3.md").read_text()
    assert text == markdown(table, "on rooms", "9 pictures", finished)
    assert "Measured **on rooms**" in text
    assert "\n9 pictures. The fused depth is judged where no note says otherwise.\n" in text
    assert "| N = 64 | paper | 0.329 | 0.534 | 0.730 |" in text
    assert (
        "**0.350 ± 0.071** | **0.850 ± 0.071** | **0.550 ± 0.071** | 1,234,567 | 1.5 | 0, 1 |"
        in text
    )
    assert "0, 1 | abc+, def |" in text
    assert "- Made with CPU of abc+; torch 1.\n- Made with CPU of def; torch 1.\n" in text
    assert "±: sample standard deviation over the seeds" in text
    assert "| ours, median-scaled | 0.300 ± 0.000 | 0.800 ± 0.000 | 0.500 ± 0.000 |" in text
    with (tmp_path / "table-3.csv").open() as file:
        lines = list(csv.DictReader(file))
    wanted = [
        line
        for line in lines
        if (line["metric"], line["seed"], line["average"]) == ("rmse", "1", "per image")
    ]
    assert [(line["depth"], line["paper"], float(line["ours"])) for line in wanted] == [
        ("fused", "0.534", pytest.approx(0.9)),
        ("binned", "", 0.8),
    ]
    assert wanted[0]["commit"] == "abc+ def"
    assert (tmp_path / "table-3.png").read_bytes().startswith(b"\x89PNG")
    figure = plot(table, "on rooms", finished)
    (bar,) = figure.axes[0].containers[0].lines[2]
    (((left, _), (right, _)),) = bar.get_segments()
    assert (right - left) / 2 == pytest.approx(0.1 / 2**0.5)  # as the Markdown has it
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "ours; bars: sample standard deviation over the seeds" in legend


def test_a_run_of_some_rows_keeps_the_others_of_its_recipe(setting, tmp_path, monkeypatch):
    monkeypatch.setattr("training.tables.__main__.find_setting", lambda *_: setting)

    def rows(*options: str) -> list[str]:
        assert main(["2", *options, "--output", str(tmp_path)]) == 0
        with (tmp_path / "table-2.csv").open() as file:
            return list(dict.fromkeys(line["row"] for line in csv.DictReader(file)))

    means = ["mean depth", "mean depth per pixel"]  # which stand beside whatever is asked for
    assert rows("--rows", "mean") == means
    assert rows("--rows", "k1") == [*means, "K = 1"]
    assert rows("--rows", "k2") == [*means, "K = 1", "K = 2"]


def test_every_seed_of_the_recipe_stays_and_what_needs_none_is_made_once(
    setting, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("training.tables.__main__.find_setting", lambda *_: setting)

    def table(*seeds: str) -> tuple[list[str], set[tuple[str, str, str]]]:
        command = ["2", "--rows", "mean", "k1", "--output", str(tmp_path), "--seeds", *seeds]
        assert main(command) == 0
        lines = (tmp_path / "table-2.md").read_text().splitlines()
        with (tmp_path / "table-2.csv").open() as file:
            records = [(line["row"], line["seed"], line["depth"]) for line in csv.DictReader(file)]
        assert len(records) == 6 * len(set(records))  # three metrics, two averages
        return [line for line in lines if "**ours**" in line], set(records)

    table("1")
    capsys.readouterr()
    (mean, per_pixel, trained), records = table("0", "0")
    scale = "5 training and 3 test pictures; 1 epoch, batches of 8. The fused depth"
    assert scale in (tmp_path / "table-2.md").read_text()
    assert "| 0, 1 |" in trained and trained.count("±") == 3
    assert "mean depth, seed" not in capsys.readouterr().out
    for line in (mean, per_pixel):
        assert "±" not in line and "|  |" in line
    means = {(name, "", name) for name in ("mean depth", "mean depth per pixel")}
    depths = ("fused", "binned", "regressed")
    assert records == means | {("K = 1", seed, depth) for seed in "01" for depth in depths}


def test_a_row_is_not_taken_for_one_of_another_configuration(setting, tmp_path):
    paper, tiny = (shutil.copy(path, tmp_path) for path in setting.configs)
    here = dataclasses.replace(setting, configs=(Path(paper), Path(tiny)))
    row, mean = row_of("2", "k1"), row_of("2", "mean")
    result_of(row, 0, here, tmp_path, None)
    result_of(mean, None, here, tmp_path, None)
    assert set(finished_results(row, here, tmp_path, None)) == {0}
    with Path(tiny).open("a") as file:
        file.write("# a comment changes nothing\n")
    assert set(finished_results(row, dataclasses.replace(here), tmp_path, None)) == {0}
    content = yaml.safe_load(Path(tiny).read_bytes())
    content["model"]["optimiser"] = {"lr": 1e-7}
    Path(tiny).write_text(yaml.safe_dump(content))
    here = dataclasses.replace(here)
    for look in (
        lambda: finished_results(row, here, tmp_path, None),
        lambda: result_of(row, 0, here, tmp_path, None),
    ):
        with pytest.raises(TrainingError, match=r"optimiser.lr: expected 1e-07, found 0.001\)"):
            look()
    result_of(mean, None, here, tmp_path, None)  # nothing of it was configured


def test_a_data_set_is_opened_once(setting, monkeypatch):
    opened = []
    monkeypatch.setattr("training.tables.setting._clip_is_there", lambda: False)
    monkeypatch.setattr(
        "training.tables.setting.open_splits", lambda data: opened.append(data) or open_splits(data)
    )
    here = find_setting(setting.data)
    assert len(here.splits["train"]) == 5 and here.content
    assert opened == [setting.data]


def test_a_tower_stands_in_for_weights_that_are_missing_alone(
    setting, tmp_path, monkeypatch, capsys
):
    """Not for damaged ones: days of training on a random tower would be the answer."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert find_setting(setting.data).clip is None
    printed = capsys.readouterr().out
    assert "no CLIP weights 'openai' for 'ViT-B-32-quickgelu' (open_clip_model.safe" in printed
    assert printed.endswith("\nA tiny random tower stands in.\n")
    repository = tmp_path / "models--timm--vit_base_patch32_clip_224.openai"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    cached = repository / "snapshots" / ("0" * 40) / "open_clip_model.safetensors"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"damaged")
    command = ["2", "--rows", "mean", "--data", str(setting.data), "--output", str(tmp_path / "o")]
    assert main(command) == 1
    printed = capsys.readouterr()
    assert "header" in printed.err.splitlines()[0]  # safetensors' own reason
    assert f"remove what is damaged from {tmp_path}" in printed.err
    assert "stands in" not in printed.out and not (tmp_path / "o").exists()


def test_rooms_of_an_earlier_version_that_stand_in_are_named(setting, tmp_path, monkeypatch):
    """Their file does not tell that it holds rendered rooms."""
    monkeypatch.setattr("training.tables.setting._clip_is_there", lambda: False)
    monkeypatch.setattr("training.tables.setting.NYU", tmp_path / "nyu")
    monkeypatch.setattr("training.tables.setting.ROOMS", setting.data)
    assert find_setting(None).title.startswith("on RENDERED ROOMS, raw depth, ")


def test_rooms_that_another_process_renders(setting, tmp_path, monkeypatch):
    """It is waited for by nobody, but what it has just ended is taken."""
    monkeypatch.setattr("training.tables.setting._clip_is_there", lambda: False)
    monkeypatch.setattr("training.tables.setting.NYU", tmp_path / "nyu")
    monkeypatch.setattr("training.tables.setting.ROOMS", tmp_path / "rooms")
    monkeypatch.delattr("training.tables.setting.write_set")
    with (
        another_process_in(tmp_path / "rooms", MAT_NAME),
        pytest.raises(TrainingError, match="rooms: another process is at work in it"),
    ):
        find_setting(None)

    @contextmanager
    def entered_late(folder: Path, work: str) -> Iterator[None]:
        shutil.copytree(setting.data, folder, dirs_exist_ok=True)
        yield

    monkeypatch.setattr("training.tables.setting.alone_in", entered_late)
    assert find_setting(None).data == tmp_path / "rooms"


def test_a_file_of_weights(setting, tmp_path, monkeypatch):
    """It is checked, told to the trainer and to ViT-B/32's rows, and known by its content."""
    with pytest.raises(WeightsError, match="no CLIP weights"):
        find_setting(setting.data, tmp_path / "missing.safetensors")
    weights = tmp_path / "clip.safetensors"
    weights.write_bytes(b"1")
    monkeypatch.setattr("training.tables.setting.build_network", lambda config: None)
    here = find_setting(setting.data, weights)
    assert here.title == f"on {setting.data}, raw depth, CLIP's weights from clip.safetensors"
    commands, clips = [], []

    def trained(command):
        commands.append(command)
        raise KeyboardInterrupt

    def untrained(backbone, words, pretrained):
        clips.append((backbone, pretrained))
        raise KeyboardInterrupt

    monkeypatch.setattr("training.tables.run.provenance", lambda device: made("one"))
    monkeypatch.setattr("training.tables.run.subprocess.run", trained)
    monkeypatch.setattr("training.tables.run.DepthClip", untrained)
    for key in ("moa", "baseline", "depthclip-7"):
        with pytest.raises(KeyboardInterrupt):
            result_of(row_of("1", key), 0, here, tmp_path, None)
    place = commands[0].index("--model.network.pretrained")
    assert commands[0][place + 1] == str(weights)
    assert clips == [("ViT-B-32-quickgelu", str(weights)), ("RN50-quickgelu", "openai")]
    weights.write_bytes(b"2")
    with pytest.raises(TrainingError, match="made by another recipe"):
        result_of(row_of("1", "moa"), 0, find_setting(setting.data, weights), tmp_path, None)


@pytest.mark.parametrize("rendered", [True, False])
def test_the_title_says_what_the_data_are(setting, tmp_path, monkeypatch, rendered):
    monkeypatch.setattr("training.tables.setting._clip_is_there", lambda: False)
    data = shutil.copytree(setting.data, tmp_path / "data")
    with h5py.File(data / MAT_NAME, "r+") as file:
        file.attrs[RENDERED] = rendered
    packed = tmp_path / "packed.h5"
    assert prepare.main(["--convert", str(data), "--depth", "filled", "--out", str(packed)]) == 0
    for place, depth in ((data, "raw"), (packed, "filled")):
        name = "RENDERED ROOMS" if rendered else place
        assert find_setting(place).title.startswith(f"on {name}, {depth} depth, a TINY TOWER")
        assert "zero-shot rows towers of full size, RANDOM, too" in find_setting(place).title


def test_an_unknown_row_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["2", "--rows", "k3"])
    assert "k1, k2, k4, k8, k16" in capsys.readouterr().err


def test_data_that_is_none_is_refused(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["2", "--data", str(tmp_path / "empty")]) == 1
    assert "expected" in capsys.readouterr().err
