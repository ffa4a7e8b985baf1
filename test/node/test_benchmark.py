"""The benchmark of the node: its camera, its relay and what it makes of their messages."""

import pytest

FRAMES = 10
REMAP = ("--ros-args", "-r", "image:=/camera/image_raw")


@pytest.mark.parametrize("cloud", [False, True])
def test_a_relay_is_measured(ros, cloud):
    from benchmarks.node import WARM_UP, measure

    film = ("--width", "64", "--height", "48", "--rate", "10", "--frames", str(FRAMES + WARM_UP))
    run = measure(["benchmarks.relay", *REMAP], cloud, ["benchmarks.camera", *film])
    assert 0 < len(run.latencies) <= FRAMES  # it subscribes best effort: a busy machine loses some
    assert (run.latencies > 0).all()
    assert run.rate > 0
    assert run.network == 0  # that is the node's
    assert len(run.memory) == 2 and min(run.memory) > 10


def test_a_program_that_ends_is_said(ros):
    from benchmarks.node import measure

    with pytest.raises(RuntimeError, match="nothing did not start"):
        measure(["benchmarks.nothing"], False, [])
