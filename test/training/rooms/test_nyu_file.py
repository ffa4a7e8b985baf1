"""The written set follows the labelled NYU Depth V2 layout exactly."""

import shutil
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import scipy.io

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.pictures.drawing import colour_depth
from moa_depth_ros.pictures.files import read_picture
from training.rooms import __main__ as command
from training.rooms import sample_frame
from training.rooms.nyu_file import raw_depth, write_nyu_file
from training.rooms.render import Frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("rooms")
    command.main(["--out", str(out), "--train", "2", "--test", "1", "--seed", "3"])
    return out


@pytest.fixture
def labelled(folder):
    with h5py.File(folder / "nyu_depth_v2_labeled.mat", "r") as file:
        yield file


def text(file, ref) -> str:
    return "".join(chr(c) for c in file[ref][:].ravel())


def test_it_begins_as_a_matlab_file(folder):
    head = (folder / "nyu_depth_v2_labeled.mat").read_bytes()[:520]
    assert head.startswith(b"MATLAB 7.3 MAT-file")
    assert head[124:128] == b"\x00\x02IM"
    assert head[512:] == b"\x89HDF\r\n\x1a\n"


def test_arrays_have_the_keys_axes_and_types(labelled):
    assert labelled["images"].shape == (3, 3, 640, 480) and labelled["images"].dtype == np.uint8
    for name in ("depths", "rawDepths"):
        assert labelled[name].shape == (3, 640, 480) and labelled[name].dtype == np.float32
    for name in ("scenes", "sceneTypes", "rawRgbFilenames", "rawDepthFilenames"):
        assert labelled[name].shape == (1, 3)
        assert labelled[labelled[name][0, 0]].dtype == np.uint16


def test_content_is_the_rendered_frame(labelled):
    frame = sample_frame(3, 1, NYU_KINECT)
    assert np.array_equal(labelled["images"][1].transpose(2, 1, 0), frame.picture)
    assert np.array_equal(labelled["depths"][1].T, frame.depth)
    scene, kind, colour, depth = (
        text(labelled, labelled[name][0][1])
        for name in ("scenes", "sceneTypes", "rawRgbFilenames", "rawDepthFilenames")
    )
    assert kind == frame.scene_type and scene.startswith(kind)
    assert colour.startswith(scene + "/") and colour.endswith(".ppm")
    assert depth.startswith(scene + "/") and depth.endswith(".pgm")


def test_raw_depth_has_holes_and_is_exact_elsewhere(labelled):
    depths, raw = labelled["depths"][:], labelled["rawDepths"][:]
    holes = raw == 0
    assert np.array_equal(raw[~holes], depths[~holes])
    assert (depths > 0).all() and depths.max() < 10
    share = holes.mean(axis=(1, 2))
    assert (share > 0.03).all() and (share < 0.6).all()
    assert holes[:, 0].all() and holes[:, :, 0].all()


def wall_and(column: slice, depth: float) -> Frame:
    """A grey wall at 4 m, another depth in some of the columns."""
    metres = np.full((480, 640), 4.0, np.float32)
    metres[:, column] = depth
    return Frame(np.full((480, 640, 3), 128, np.uint8), metres, "office")


def test_raw_depth_has_holes_beside_nearer_things_and_out_of_range():
    near = raw_depth(wall_and(slice(300, 400), 1.0), np.random.default_rng(0))[100:380]
    # The projector's disparity is 43 pixels at 1 m and 11 at 4 m.
    assert not near[:, 272:298].any() and (near[:, 200:265] == 4).all()
    assert (near[:, 303:397] == 1).all() and (near[:, 403:600] == 4).all()
    for depth, read in ((0.69, False), (0.71, True), (8.9, True), (9.1, False)):
        raw = raw_depth(wall_and(slice(None), depth), np.random.default_rng(0))[100:380, 100:540]
        assert (raw > 0).all() == raw.any() == read


def test_the_split_counts_from_one_and_is_disjoint(folder):
    splits = scipy.io.loadmat(folder / "splits.mat")
    assert splits["trainNdxs"].tolist() == [[1], [2]] and splits["testNdxs"].tolist() == [[3]]
    assert splits["trainNdxs"].dtype == splits["testNdxs"].dtype == np.uint16


def test_a_file_that_was_not_rendered_is_never_replaced(folder, tmp_path, capsys):
    """It may be the real one; one that was rendered may be rendered again."""
    options = ["--out", str(tmp_path), "--train", "1", "--test", "1"]
    assert command.main(options) == 0
    assert command.main(options) == 0
    path = tmp_path / "nyu_depth_v2_labeled.mat"
    with h5py.File(path, "r+") as file:
        del file.attrs["rendered"]
    before = path.read_bytes()
    assert command.main(options) == 1
    assert "already exists and was not rendered" in capsys.readouterr().err
    assert path.read_bytes() == before
    path.unlink()  # the real split is downloaded first
    splits = tmp_path / "splits.mat"
    before = splits.read_bytes()
    assert command.main(options) == 1
    assert f"{splits}: already exists" in capsys.readouterr().err
    assert splits.read_bytes() == before and not path.exists()


def test_a_log_has_no_progress_bar(tmp_path, capsys):
    assert command.main(["--out", str(tmp_path), "--train", "1", "--test", "1"]) == 0
    assert not capsys.readouterr().err


def test_nothing_is_left_of_a_file_that_fails(tmp_path):
    small = sample_frame(3, 0, NYU_KINECT.resized(64, 48))
    path, splits = tmp_path / "a.mat", tmp_path / "splits.mat"
    with pytest.raises(ValueError, match="frame 0: expected 480 x 640"):
        write_nyu_file(path, [small], 1, splits, 1, seed=0)
    with pytest.raises(ValueError, match="expected 2 frames, found 0"):
        write_nyu_file(path, [], 2, splits, 1, seed=0)
    with pytest.raises(ValueError, match="num_train"):
        write_nyu_file(path, [], 2, splits, 3, seed=0)
    assert list(tmp_path.iterdir()) == []


def test_rooms_that_the_disk_has_no_room_for_are_not_rendered(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=10_000_000))
    assert command.main(["--out", str(tmp_path / "rooms"), "--train", "5", "--test", "1"]) == 1
    said = f"needs 10.2 MB, but {tmp_path / 'rooms'} has 10.0 MB free; make room"
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_sheet_has_frames_above_their_depth(tmp_path):
    path = tmp_path / "deep" / "sheet.png"
    command.main(["--sheet", str(path), "--sheet-count", "2", "--seed", "3"])
    sheet, frame = read_picture(path), sample_frame(3, 1, NYU_KINECT.resized(320, 240))
    assert sheet.shape == (480, 640, 3)
    assert np.array_equal(sheet[:240, 320:], frame.picture)
    assert np.array_equal(sheet[240:, 320:], colour_depth(frame.depth, 0.0, 8.0))


@pytest.mark.parametrize("options", [[], ["--out", "x", "--train", "0", "--test", "0"]])
def test_wrong_options_end_with_a_message(options, capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(options)
    assert "error:" in capsys.readouterr().err
