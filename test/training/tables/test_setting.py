"""What the rows are trained and judged on, and which tower they start from."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import pytest
from huggingface_hub import constants

from test.training.another_process import another_process_in
from test.training.layouts import write_recording
from test.training.tables.settings import made, row_of
from training import prepare
from training.data.layouts import open_splits
from training.data.nyu_labelled import MAT_NAME, RENDERED
from training.errors import DataError, TrainingError, WeightsError
from training.tables.__main__ import main
from training.tables.run import result_of
from training.tables.setting import find_setting

pytestmark = pytest.mark.timeout(300)  # trainers in processes of their own, on a busy machine


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
    """Not for damaged ones: that would cost days of training a random tower."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert find_setting(setting.data).clip is None
    printed = capsys.readouterr().out
    assert "no CLIP weights 'openai' for 'ViT-B-32-quickgelu' (open_clip_model.safe" in printed
    assert printed.endswith("\nA tiny random tower is used instead.\n")
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
    assert f"remove the damaged file from {tmp_path}" in printed.err
    assert "used instead" not in printed.out and not (tmp_path / "o").exists()


def test_rooms_of_an_earlier_version_that_stand_in_are_named(setting, tmp_path, monkeypatch):
    """Their file does not say that it holds rendered rooms."""
    monkeypatch.setattr("training.tables.setting._clip_is_there", lambda: False)
    monkeypatch.setattr("training.tables.setting.NYU", tmp_path / "nyu")
    monkeypatch.setattr("training.tables.setting.ROOMS", setting.data)
    assert find_setting(None).title.startswith("on RENDERED ROOMS, raw depth, ")


def test_rooms_that_another_process_renders(setting, tmp_path, monkeypatch):
    """Nothing waits for it, but what it has just finished is used."""
    monkeypatch.setattr("training.tables.setting._clip_is_there", lambda: False)
    monkeypatch.setattr("training.tables.setting.NYU", tmp_path / "nyu")
    monkeypatch.setattr("training.tables.setting.ROOMS", tmp_path / "rooms")
    monkeypatch.delattr("training.tables.setting.write_set")
    with (
        another_process_in(tmp_path / "rooms", MAT_NAME),
        pytest.raises(TrainingError, match="rooms: another process is working in it"),
    ):
        find_setting(None)

    @contextmanager
    def entered_late(folder: Path, work: str) -> Iterator[None]:
        shutil.copytree(setting.data, folder, dirs_exist_ok=True)
        yield

    monkeypatch.setattr("training.tables.setting.alone_in", entered_late)
    assert find_setting(None).data == tmp_path / "rooms"


def test_a_file_of_weights(setting, tmp_path, monkeypatch):
    """It is checked, passed to the trainer and ViT-B/32's rows, and identified by its content."""
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
