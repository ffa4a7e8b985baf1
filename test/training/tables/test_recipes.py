"""What one recipe made is not taken for what another one makes."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import h5py
import pytest
import yaml

from test.training.tables.settings import on, row_of
from training.data.nyu_labelled import MAT_NAME
from training.errors import TrainingError
from training.tables.__main__ import main
from training.tables.run import finished_results, result_of

pytestmark = pytest.mark.timeout(300)  # trainers in processes of their own, on a busy machine


def test_what_was_interrupted_belongs_to_its_recipe(setting, tmp_path):
    """No row of a short trial is resumed, or judged, as one of the whole recipe."""
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
    result_of(mean, None, here, tmp_path, None)  # none of it was configured


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
    said = f"{folder}: made by another recipe (clip: expected None, found openai). Use the"
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
        assert "(trainer.max_epochs: expected 2, found 1). Use" in capsys.readouterr().err
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


def test_a_run_of_some_rows_keeps_the_others_of_its_recipe(setting, tmp_path, monkeypatch):
    monkeypatch.setattr("training.tables.__main__.find_setting", lambda *_: setting)

    def rows(*options: str) -> list[str]:
        assert main(["2", *options, "--output", str(tmp_path)]) == 0
        with (tmp_path / "table-2.csv").open() as file:
            return list(dict.fromkeys(line["row"] for line in csv.DictReader(file)))

    means = ["mean depth", "mean depth per pixel"]  # which are always included
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
