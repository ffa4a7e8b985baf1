"""The packed file: the same samples as its source, shrunk if asked, and what it refuses by name."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from moa_depth_ros.intrinsics import NYU_KINECT
from test.training.another_process import another_process_in
from test.training.layouts import write_folder, write_frames, write_recording
from test.training.tiny_runs import ROOT, arguments
from training import prepare, train
from training.data.layouts import open_splits
from training.data.nyu_folder import TRAIN_LIST
from training.data.nyu_labelled import MAT_NAME, RENDERED
from training.data.packed import FORMAT, Packed, is_shrunk_below
from training.errors import DataError
from training.module import DepthModule

WRITERS = {"folder": write_folder, "frames": write_frames, "recording": write_recording}


def convert(data: Path, *options: object) -> Path:
    """The data set as a packed file beside its folder."""
    target = data.parent / f"{data.name}.h5"
    command = ["--convert", data, "--out", target, *options]
    assert prepare.main([str(part) for part in command]) == 0
    return target


@pytest.fixture
def packed(tmp_path) -> Path:
    """A packed recording of eight training images and two test images."""
    return convert(write_recording(tmp_path / "recording"))


@pytest.mark.parametrize("layout", [*WRITERS, "labelled"])
def test_samples_are_those_of_the_source(tmp_path, nyu, layout):
    data = nyu() if layout == "labelled" else WRITERS[layout](tmp_path / "data")
    source, found = open_splits(data), open_splits(convert(data))
    for split in ("train", "test"):
        assert type(found[split]) is Packed
        assert len(found[split]) == len(source[split])
        assert (found[split].size, found[split].camera) == (
            source[split].size,
            source[split].camera,
        )
        for item in range(len(source[split])):
            sample, expected = found[split][item], source[split][item]
            assert (sample["index"], sample["scene"]) == (expected["index"], expected["scene"])
            assert torch.equal(sample["picture"], expected["picture"])
            # Millimetres: exact for PNGs, half of one for other sources.
            tolerance = 0 if layout in ("folder", "recording") else 0.0005001
            assert (sample["depth"] - expected["depth"]).abs().max() <= tolerance
            assert torch.equal(sample["depth"] == 0, expected["depth"] == 0)


@pytest.mark.parametrize(
    ("layout", "scene"),
    [("folder", "caf\\xe9"), ("frames", "caf\\xe9"), ("recording", "caf\\xe9_1")],
)
def test_names_that_are_not_utf_8_are_packed_as_text(tmp_path, layout, scene):
    name = os.fsdecode(b"caf\xe9_1")
    data = WRITERS[layout](tmp_path / "data").rename(tmp_path / name)
    if layout == "frames":
        (data / "train/study_0003").rename(data / "train" / name)
    if layout == "folder":  # the list's paths start from the folder itself
        for path in (data / "sync/kitchen_0028b").iterdir():
            path.rename(data / path.name)
        shutil.rmtree(data / "sync")
        (data / TRAIN_LIST).write_text((data / TRAIN_LIST).read_text().replace("kitchen_0028b", ""))
    source, found = open_splits(data)["train"], open_splits(convert(data))["train"]
    assert source[0]["scene"] == found[0]["scene"] == scene
    assert found.recording(0) == ("caf\\xe9_1_0" if layout == "recording" else "caf\\xe9_1")


def test_filled_depth_can_be_packed(nyu):
    data = nyu()
    found = open_splits(convert(data, "--depth", "filled"))["test"]
    expected = open_splits(data, depth="filled")["test"]
    np.testing.assert_allclose(found.depth(0), expected.depth(0), atol=0.0005001)


@pytest.mark.parametrize(("depth", "other"), [("raw", "filled"), ("filled", "raw")])
def test_the_file_knows_what_its_depth_is(nyu, depth, other):
    path = convert(nyu(), "--depth", depth)
    for found in (open_splits(path), open_splits(path, depth=depth)):
        assert {split.depth_kind for split in found.values()} == {depth}
    how = f"python -m training.prepare --convert FOLDER --depth {other} --out FILE.h5"
    with pytest.raises(DataError, match=rf"expected {other} depth, found {depth}; .*: {how}"):
        open_splits(path, depth=other)


def test_what_is_packed_anew_stays_what_it_is(nyu):
    data = nyu()
    with h5py.File(data / MAT_NAME, "r+") as file:
        file.attrs[RENDERED] = True
    again = convert(convert(data, "--depth", "filled"), "--size", 3, 4)
    assert {(found.depth_kind, found.rendered) for found in open_splits(again).values()} == {
        ("filled", True)
    }


def test_other_layouts_have_one_kind_of_depth_of_real_places(tmp_path):
    for layout, write in WRITERS.items():
        source = write(tmp_path / layout)
        kind = "filled" if layout == "frames" else "raw"
        for data in (source, convert(source)):
            for found in open_splits(data, depth=kind).values():
                assert (found.depth_kind, found.rendered) == (kind, False)


def test_only_training_pictures_shrink_and_their_camera_with_them(nyu):
    depth = np.zeros((5, 6, 8), np.float32)
    depth[:, 1::2, 1::2] = 3.0  # a hole, then a reading, both ways
    pictures = np.zeros((5, 6, 8, 3), np.uint8)
    pictures[:, ::2] = 200  # rows of 200 and 0, whose antialiased mean is 100 away from the border
    found = open_splits(convert(nyu(raw=depth, pictures=pictures), "--size", 3, 4))
    train, test = found["train"], found["test"]
    assert (train.size, test.size) == ((3, 4), (6, 8))
    assert train.camera == NYU_KINECT.resized(4, 3)
    assert set(train[0]["depth"].unique().tolist()) <= {0.0, 3.0}
    assert 75 <= train[0]["picture"][:, 1].float().mean() <= 125


def test_depth_whose_readings_are_lost_by_shrinking_is_named(nyu, tmp_path, capsys):
    raw = np.ones((5, 6, 8), np.float32)
    raw[2] = 0
    raw[2, 0, :2] = 1.0  # of a row and columns that the nearest pixel leaves out
    data, out = nyu(raw=raw), tmp_path / "out.h5"
    command = ["--convert", str(data), "--out", str(out)]
    assert prepare.main([*command, "--size", "2", "2"]) == 1
    assert (
        "index 2: expected depth, but none of its 2 readings is left at 2x2 pixels, in "
        "millimetres; use a larger --size" in capsys.readouterr().err
    )
    assert not out.exists()
    assert prepare.main(command) == 0


def test_a_used_reader_can_be_pickled_and_read_by_workers(packed):
    dataset = Packed(packed, "train")
    first = dataset[0]
    assert torch.equal(pickle.loads(pickle.dumps(dataset))[0]["depth"], first["depth"])
    batches = list(DataLoader(dataset, batch_size=4, num_workers=2))
    assert [batch["index"].tolist() for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert torch.equal(batches[0]["depth"][0], first["depth"])


def test_a_broken_source_leaves_no_file(tmp_path, capsys):
    data = write_recording(tmp_path / "recording")
    (data / "depth" / "frame_5.png").write_bytes(b"")
    command = ["--convert", str(data), "--out", str(tmp_path / "out.h5")]
    assert prepare.main(command) == 1
    assert "frame_5.png: expected a 16-bit depth PNG" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["recording"]


@pytest.mark.parametrize(("size", "pixels"), [((6, 8), 480), ((3, 4), 192)])
def test_what_the_disk_has_no_room_for_is_not_begun(tmp_path, monkeypatch, capsys, size, pixels):
    """Eight training images of this size, and two test images of 6x8."""
    free = 5 * pixels - 1  # three colours and two bytes of depth per pixel
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    data, target = write_recording(tmp_path / "recording"), tmp_path / "new" / "out.h5"
    command = ["--convert", str(data), "--out", str(target), "--size", *map(str, size)]
    assert prepare.main(command) == 1
    assert f"error: {target}: needs 0.0 MB, but {target.parent} has" in capsys.readouterr().err
    assert not target.parent.exists()
    free += 1
    assert prepare.main(command) == 0


FULL_DISK = """
import os, resource, sys
from pathlib import Path
import numpy as np
from training.data.hdf5 import writing

def make_room(path, size, truncate=os.truncate):
    truncate(path, size)
    resource.setrlimit(resource.RLIMIT_FSIZE, before)

before, os.truncate = resource.getrlimit(resource.RLIMIT_FSIZE), make_room
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
folder, count = Path(sys.argv[1]), int(sys.argv[2])
try:
    with writing(folder / "unfinished", folder / "out.h5") as file:
        maps = file.create_dataset("depth", (count, 100, 100), np.uint8, chunks=(1, 100, 100))
        for number in range(count):
            maps[number] = number
except OSError as error:
    print(error)
"""


@pytest.mark.parametrize("count", [10, 1000])
def test_a_disk_that_is_full_in_the_middle(tmp_path, count):
    """Noticed when the last maps are written, or before. Otherwise, HDF5 crashes the process."""
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    expected = f"[Errno 27] File too large: '{tmp_path / 'out.h5'}'\n"
    assert (done.returncode, done.stdout) == (0, expected), done.stderr


def test_a_file_that_is_there_stays_until_the_new_one_is_whole(packed, capsys):
    before = packed.read_bytes()
    (packed.parent / "recording" / "images" / "frame_9.png").write_bytes(b"")
    command = ["--convert", str(packed.parent / "recording"), "--out", str(packed)]
    assert prepare.main(command) == 1
    assert packed.read_bytes() == before


def test_a_file_that_another_process_writes(packed, capsys):
    before = packed.read_bytes()
    command = ["--convert", str(packed.parent / "recording"), "--out"]
    with another_process_in(packed.parent, packed.name):
        assert prepare.main([*command, str(packed)]) == 1
        assert "another process is working in it (.recording.h5.lock)" in capsys.readouterr().err
        assert packed.read_bytes() == before
        assert prepare.main([*command, str(packed.parent / "other.h5")]) == 0


def test_only_a_packed_file_is_replaced(packed, capsys):
    command = ["--convert", str(packed.parent / "recording"), "--out", str(packed)]
    with h5py.File(packed, "r+") as file:
        file.attrs["format"] = FORMAT.replace("version 2", "version 1")
    assert prepare.main(command) == 0
    assert len(open_splits(packed)["train"]) == 8
    with h5py.File(packed, "w") as file:
        file["mine"] = np.arange(3)
    for content in (packed.read_bytes(), b"notes", b""):
        packed.write_bytes(content)
        assert prepare.main(command) == 1
        assert f"{packed}: already exists and is not a packed file" in capsys.readouterr().err
        assert packed.read_bytes() == content


def test_depth_that_16_bits_do_not_hold(nyu, tmp_path, capsys):
    raw = np.ones((5, 6, 8), np.float32)
    raw[2] = 65.6
    assert prepare.main(["--convert", str(nyu(raw=raw)), "--out", str(tmp_path / "out.h5")]) == 1
    assert "index 2: expected depth up to 65.535 m, found 65.6 m" in capsys.readouterr().err


def test_what_the_command_refuses(tmp_path, capsys):
    data = write_recording(tmp_path / "recording")
    assert prepare.main(["--convert", str(data), "--out", str(tmp_path / "out.mat")]) == 1
    assert "expected a file that ends in .h5, found" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        prepare.main(["--convert", str(data)])
    assert "--convert needs --out FILE.h5" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "--out: expected a file other than the one to pack, found"),
        (("--size", "3", "9"), "--size: expected at most 6 8, the size of the training images"),
    ],
)
def test_what_would_lose_or_invent_pixels_is_refused(packed, tmp_path, capsys, options, says):
    before, out = packed.read_bytes(), tmp_path / "out.h5" if options else packed
    assert prepare.main(["--convert", str(packed), "--out", str(out), *options]) == 1
    assert says in capsys.readouterr().err
    assert packed.read_bytes() == before and list(tmp_path.glob("*.h5")) == [packed]


@pytest.mark.parametrize(
    ("options", "input_size", "told"),
    [
        (("--size", 3, 4), "[48,64]", True),
        (("--size", 3, 4), "[2,2]", False),
        ((), "[48,64]", False),  # all that its camera has seen
    ],
)
def test_training_pictures_shrunk_below_the_networks_input_are_told(
    tmp_path, nyu, tiny_clip, monkeypatch, capsys, options, input_size, told
):
    monkeypatch.setattr(DepthModule, "configure_model", _stop)
    data = convert(nyu(), *options)
    changes = {"model__network__input_size": input_size}
    with pytest.raises(_Stopped):
        train.main(arguments(data, tmp_path / "run", tiny_clip, **changes))
    expected = (
        f"warning: {data}: the training images were shrunk to 4x3 pixels, and are enlarged to "
        "the network's input, 64x48, without the detail that the test images (8x6) have; pack "
        "them again with --size 48 64, or without --size"
    )
    assert capsys.readouterr().err.splitlines().count(expected) == told


class _Stopped(Exception):
    pass


def _stop(module: DepthModule) -> None:
    """In place of what comes after the data are opened."""
    raise _Stopped


def test_one_side_that_is_too_short_is_enough():
    assert is_shrunk_below((224, 160), (480, 640), (224, 224))
    assert not is_shrunk_below((224, 224), (480, 640), (224, 224))


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"no such file: .*gone\.h5; to make it: python -m"):
        open_splits(tmp_path / "gone.h5")


@pytest.mark.parametrize("kept", [0.9, 0.5, 0.0])
def test_a_truncated_file(packed, kept):
    packed.write_bytes(packed.read_bytes()[: int(kept * packed.stat().st_size)])
    with pytest.raises(DataError, match=r"recording\.h5: expected an HDF5 file, found a damaged"):
        open_splits(packed)


def _rename_format(file: h5py.File) -> None:
    file.attrs["format"] = "another"


def _forget_depth(file: h5py.File) -> None:
    del file.attrs["depth"]


def _replace(key: str, value: np.ndarray | None) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[f"train/{key}"]
        if value is not None:
            file[f"train/{key}"] = value

    return change


def _shorten_lens(file: h5py.File) -> None:
    file["train"].attrs["fx"] = -1.0


def _widen_camera(file: h5py.File) -> None:
    file["train"].attrs["width"] = 9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_rename_format, f"expected the format '{FORMAT}', found 'another'"),
        (_forget_depth, "expected the attribute 'depth' to be raw or filled, found None"),
        (lambda file: file.move("train", "other"), "expected a group 'train', found"),
        (_replace("depth", None), "train: expected a dataset 'depth', found"),
        (_replace("depth", np.ones((8, 6, 7), np.uint16)), r"train/depth: expected \(8, 6, 8\)"),
        (_replace("depth", np.ones((8, 6, 8), np.float32)), "train/depth: .*uint16, found"),
        (_replace("picture", np.ones((8, 3, 6, 8))), "train/picture: .*uint8, found"),
        (_replace("index", np.arange(7)), r"train/index: expected \(8,\)"),
        (_shorten_lens, "expected a camera in the attributes: .*positive focal lengths"),
        (_widen_camera, "expected the camera of 8x6 images, found 9x6"),
    ],
)
def test_another_layout_is_refused_by_what_differs(packed, change, message):
    with h5py.File(packed, "a") as file:
        change(file)
    with pytest.raises(DataError, match=rf"recording\.h5: .*{message}"):
        Packed(packed, "train")
