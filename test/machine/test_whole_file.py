"""A file under its name is complete: it is the old one until the new one is finished."""

from __future__ import annotations

import errno
import os

import pytest

from moa_depth_ros.machine.whole_file import whole_file


def test_it_takes_its_place_at_the_end(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with whole_file(path) as unfinished:
        unfinished.write_text("whole")
        assert not path.exists()
        assert unfinished.parent == path.parent
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as unfinished:
        unfinished.write_text("ha")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_is_full_is_named_with_the_file(tmp_path):
    path = tmp_path / "file.txt"
    with pytest.raises(OSError, match=r"No space left on device: '.*/file\.txt'"):  # noqa: SIM117
        with whole_file(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
