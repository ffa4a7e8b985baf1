"""The command line."""

from __future__ import annotations

import pytest

from training.errors import WeightsError
from training.tables.__main__ import main

pytestmark = pytest.mark.timeout(300)  # trainers in processes of their own, on a busy machine


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


def test_an_unknown_row_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["2", "--rows", "k3"])
    assert "k1, k2, k4, k8, k16" in capsys.readouterr().err


def test_data_that_is_none_is_refused(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["2", "--data", str(tmp_path / "empty")]) == 1
    assert "expected" in capsys.readouterr().err
