"""What the diagnostics make of durations."""

from __future__ import annotations

import pytest

from moa_depth_ros.ros.diagnostics import Statistics


def test_latencies_are_medians_and_95th_percentiles():
    statistics = Statistics()
    for milliseconds in range(1, 102):
        statistics.took({"network": milliseconds / 1e3, "cloud": 0.001}, age=0.2, together=1)
    values = {pair.key: pair.value for pair in statistics.status("", {}).values}
    assert (values["network median (ms)"], values["network p95 (ms)"]) == ("51.00", "96.00")
    assert (values["total median (ms)"], values["since stamp p95 (ms)"]) == ("52.00", "200.00")
    assert values["reading median (ms)"] == "nan"


@pytest.mark.parametrize(
    ("infos", "pictures", "level", "says"),
    [
        (0, 29, b"\0", "Pictures arrive; nobody listens."),
        (0, 30, b"\1", "No CameraInfo arrives."),
        (1, 300, b"\0", "Pictures arrive; nobody listens."),  # the camera sends one for all
        (30, 30, b"\1", "CameraInfo stopped 30 pictures ago; the last one stays in use."),
    ],
)
def test_camera_info_that_is_missing_is_told(infos, pictures, level, says):
    statistics = Statistics()
    for what, count in (("camera_info", infos), ("in", pictures), ("unheard", pictures)):
        for _ in range(count):
            statistics.count(what)
    status = statistics.status("", {})
    assert (status.level, status.message) == (level, says)
