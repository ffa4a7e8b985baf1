"""What the diagnostics compute from durations."""

from __future__ import annotations

import pytest

from moa_depth_ros.ros import diagnostics
from moa_depth_ros.ros.diagnostics import Statistics


def test_latencies_are_medians_and_95th_percentiles():
    statistics = Statistics()
    for milliseconds in range(1, 102):
        statistics.took({"network": milliseconds / 1e3, "cloud": 0.001}, age=0.2, together=1)
    values = {pair.key: pair.value for pair in statistics.status("", {}).values}
    assert (values["network median (ms)"], values["network p95 (ms)"]) == ("51.00", "96.00")
    assert (values["total median (ms)"], values["since stamp p95 (ms)"]) == ("52.00", "200.00")
    assert values["reading median (ms)"] == "nan"


def count(statistics, what, times):
    for _ in range(times):
        statistics.count(what)


@pytest.fixture
def clock(monkeypatch):
    """A clock that advances only when the test says so."""
    now = [1000.0]
    monkeypatch.setattr(diagnostics.time, "monotonic", lambda: now[0])
    return now


def run(statistics, clock, seconds, gap, outcome):
    """Messages of the reports, one per second, while an image comes every ``gap`` seconds."""
    said = []
    for second in range(seconds):
        clock[0] += 1.0
        if (second + 1) % gap == 0:
            for what in ("camera_info", "in", outcome):
                statistics.count(what)
        said.append(statistics.status("", {}).message)
    return said


@pytest.mark.parametrize("gap", [1, 3, 10])
def test_a_slow_camera_is_not_a_silent_one(clock, gap):
    statistics = Statistics()
    statistics.subscribed()
    run(statistics, clock, 2 * gap, gap, "out")
    assert set(run(statistics, clock, 5 * gap, gap, "out")) == {"Running."}
    clock[0] += 3 * gap + 1
    assert statistics.status("", {}).message == "No images arrive."


def test_an_outage_does_not_make_a_fast_camera_a_slow_one(clock):
    statistics = Statistics()
    run(statistics, clock, 60, 1, "out")
    clock[0] += 8 * 3600
    assert run(statistics, clock, 60, 1, "out")[-1] == "Running."
    clock[0] += 4
    assert statistics.status("", {}).message == "No images arrive."


@pytest.mark.parametrize("what", ["refused", "failed"])
def test_what_a_slow_cameras_last_picture_came_to_counts_until_the_next(clock, what):
    statistics, levels, said = Statistics(), [], []
    for second in range(30):
        clock[0] += 1.0
        if second % 2 == 0:
            statistics.count("in")
            if second >= 20:
                statistics.count("out")
            elif what == "refused":
                statistics.count("refused")
                statistics.error("an unknown encoding")
            else:
                statistics.failed("RuntimeError")
        status = statistics.status("", {})
        levels.append(status.level)
        said.append(status.message)
    assert set(said[:20]) == {"an unknown encoding" if what == "refused" else "RuntimeError"}
    assert levels == 20 * [b"\1" if what == "refused" else b"\2"] + 10 * [b"\0"]


def test_a_notice_hides_nothing_that_is_worse(clock):
    statistics = Statistics()
    run(statistics, clock, 3, 1, "out")
    assert statistics.status("", {}, notice="on the CPU").message == "on the CPU"
    clock[0] += 4
    assert statistics.status("", {}, notice="on the CPU").message == "No images arrive."
    run(statistics, clock, 20, 1, "dropped")
    statistics.count("in")
    assert statistics.status("", {}, notice="on the CPU").level == b"\2"


def test_pictures_of_which_nothing_comes_are_an_error(clock):
    """A driver that hangs: images are dropped, and none fails."""
    statistics = Statistics()
    assert set(run(statistics, clock, 20, 1, "out")) == {"Running."}
    said = run(statistics, clock, 30, 1, "dropped")
    assert said[:16] == ["Running."] * 16
    assert said[16] == "Images arrive, but there has been no result for 16 s."
    assert run(statistics, clock, 1, 1, "out") == ["Running."]


@pytest.mark.parametrize("gap", [2, 5])
@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        ("dropped", "there has been no result"),
        ("unheard", "Images arrive, but no output has a subscriber."),
    ],
)
def test_a_slow_cameras_state_holds_from_picture_to_picture(clock, gap, outcome, says):
    statistics = Statistics()
    run(statistics, clock, 10 * gap, gap, outcome)
    assert all(says in text for text in run(statistics, clock, 5 * gap, gap, outcome))
    run(statistics, clock, gap, gap, "out")
    assert set(run(statistics, clock, 5 * gap, gap, "out")) == {"Running."}


@pytest.mark.parametrize(("gap", "silent"), [(0.1, 5.0), (10, 30.0)])
def test_silence_is_longer_than_usual_and_than_a_moment(clock, gap, silent):
    statistics = Statistics()
    for _ in range(10):
        clock[0] += gap
        statistics.count("in")
    clock[0] += silent - 0.1
    assert not statistics.is_silent(5.0)
    clock[0] += 0.2
    assert statistics.is_silent(5.0)


def test_the_first_picture_after_a_pause_may_be_at_work(clock):
    statistics = Statistics()
    run(statistics, clock, 3, 1, "out")
    clock[0] += 60
    statistics.count("in")
    assert statistics.status("", {}).message == "Running."
    statistics.count("out")
    assert run(statistics, clock, 3, 1, "out") == ["Running."] * 3


def test_a_failure_is_told_by_its_own_text_whatever_else_goes_wrong():
    statistics = Statistics()
    count(statistics, "in", 2)
    statistics.failed("RuntimeError: CUDA error")
    statistics.error("CameraInfo of another shape")
    status = statistics.status("", {})
    assert (status.level, status.message) == (b"\2", "RuntimeError: CUDA error")
    statistics.error("CameraInfo of another shape")
    status = statistics.status("", {})
    assert (status.level, status.message) == (b"\1", "CameraInfo of another shape")


@pytest.mark.parametrize("pictures", [60, 120], ids=["once a second", "every other second"])
def test_camera_info_that_is_rare_has_not_stopped(pictures):
    statistics = Statistics()
    for _ in range(40):
        count(statistics, "camera_info", 1)
        count(statistics, "in", pictures)
        count(statistics, "unheard", pictures)
        assert statistics.status("", {}).level == b"\0"
    count(statistics, "in", 3 * pictures)
    assert "CameraInfo stopped" in statistics.status("", {}).message


def test_one_camera_info_for_each_time_the_node_is_activated_is_enough():
    statistics = Statistics()
    for pictures in (*[10] * 40, 300):
        statistics.subscribed()
        count(statistics, "camera_info", 1)
        statistics.status("", {})
        count(statistics, "in", pictures)
        count(statistics, "unheard", pictures)
        assert statistics.status("", {}).level == b"\0"


def test_camera_info_that_came_since_the_last_report_has_not_stopped():
    """It comes once a second; the images come faster than before."""
    statistics = Statistics()
    for pictures in (*[10] * 40, 60):
        count(statistics, "camera_info", 1)
        count(statistics, "in", pictures)
        count(statistics, "unheard", pictures)
        assert statistics.status("", {}).level == b"\0"


def test_the_only_camera_info_may_be_from_before_the_node_was_activated_again():
    statistics = Statistics()
    count(statistics, "camera_info", 1)
    statistics.subscribed()
    count(statistics, "in", 300)
    count(statistics, "unheard", 300)
    assert statistics.status("", {}).level == b"\0"


@pytest.mark.parametrize(
    ("infos", "pictures", "level", "says"),
    [
        (0, 29, b"\0", "Images arrive, but no output has a subscriber."),
        (0, 30, b"\1", "No CameraInfo arrives."),
        # The camera sends one for all.
        (1, 300, b"\0", "Images arrive, but no output has a subscriber."),
        (29, 300, b"\0", "Images arrive, but no output has a subscriber."),
        (30, 30, b"\1", "CameraInfo stopped 30 images ago; the last one stays in use."),
    ],
)
def test_camera_info_that_is_missing_is_told(infos, pictures, level, says):
    statistics = Statistics()
    count(statistics, "camera_info", infos)
    statistics.status("", {})
    count(statistics, "in", pictures)
    count(statistics, "unheard", pictures)
    status = statistics.status("", {})
    assert (status.level, status.message) == (level, says)


def test_rates_are_of_the_time_since_the_last_report(clock):
    statistics, rates = Statistics(), []
    for pictures in (10, 20, 0, 4):
        clock[0] += 2.0
        count(statistics, "in", pictures)
        values = {pair.key: pair.value for pair in statistics.status("", {}).values}
        rates.append(values["rate in (Hz)"])
    assert rates[1:] == ["10.00", "0.00", "2.00"]


def test_activating_again_forgets_what_was(clock):
    """A camera that was slow, whose last image was refused, and one image without an answer."""
    statistics = Statistics()
    run(statistics, clock, 60, 10, "out")
    statistics.count("refused")
    statistics.error("an unknown encoding")
    statistics.count("in")
    assert statistics.status("", {}).message == "an unknown encoding"
    clock[0] += 20
    statistics.subscribed()
    assert statistics.status("", {}).message == "Running."
    clock[0] += 1
    statistics.count("in")
    assert statistics.status("", {}).message == "Running."
    clock[0] += 2.5
    assert statistics.status("", {}).message == "No images arrive."


def test_while_the_node_is_not_active_no_picture_is_missed(clock):
    statistics = Statistics()
    statistics.error("an unknown encoding")
    assert statistics.status("", {}).message == "an unknown encoding"
    clock[0] += 60
    assert statistics.status("", {}, active=False).message == "Not active."


def test_the_wait_for_the_first_picture_is_no_gap_between_pictures(clock):
    statistics = Statistics()
    statistics.subscribed()
    clock[0] += 3600
    for what in ("in", "out"):
        statistics.count(what)
    clock[0] += 3
    assert statistics.status("", {}).message == "No images arrive."


def test_latencies_are_those_of_the_last_200_pictures():
    statistics = Statistics()
    for seconds in (1.0, 0.01):
        for _ in range(200):
            statistics.took({"network": seconds}, age=0.0, together=1)
    values = {pair.key: pair.value for pair in statistics.status("", {}).values}
    assert values["network p95 (ms)"] == "10.00"
