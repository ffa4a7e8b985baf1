"""The worker with one slot per source."""

import threading

import pytest

from moa_depth_ros.ros.latest_frame import LatestFrameWorker
from test.node.harness import wait_until


class Bench:
    """A worker whose job waits for permission, so that the test decides what is slow."""

    def __init__(self):
        self.begun, self.done, self.dropped = [], [], []
        self.go = threading.Semaphore(0)
        self.worker = LatestFrameWorker(self._job, self.dropped.append)

    def _job(self, items):
        self.begun.append(items)
        self.go.acquire()
        self.done.append(items)

    def run(self, item):
        """Submit an item and wait until its job has begun."""
        before = len(self.begun)
        self.worker.submit("front", item)
        wait_until(lambda: len(self.begun) > before, "the job to begin")


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.go.release(100)
    bench.worker.stop(5.0)


def test_the_newest_waiting_item_wins_and_each_loser_is_told(bench):
    bench.run(1)
    for item in (2, 3, 4):
        bench.worker.submit("front", item)
    assert bench.dropped == [2, 3]
    bench.go.release(2)
    wait_until(lambda: len(bench.done) == 2, "two jobs")
    assert bench.done == [[1], [4]]


def test_each_source_has_a_slot_and_all_are_taken_at_once(bench):
    bench.run(1)
    for source, item in (("rear", 2), ("front", 3), ("rear", 4)):
        bench.worker.submit(source, item)
    assert bench.dropped == [2]
    bench.go.release(2)
    wait_until(lambda: len(bench.done) == 2, "two jobs")
    assert bench.done == [[1], [4, 3]]  # rear has waited longer
    bench.run(5)
    assert bench.begun[-1] == [5]


def test_stop_lets_the_running_job_end_and_drops_what_waits(bench):
    bench.run(1)
    bench.worker.submit("front", 2)
    threading.Timer(0.1, bench.go.release, [100]).start()
    assert bench.worker.stop(5.0) is True
    assert bench.done == [[1]]
    bench.worker.submit("front", 3)
    assert bench.begun == [[1]]
    assert bench.dropped == [2, 3]


def test_stop_gives_up_on_a_job_that_hangs(bench):
    bench.run(1)
    assert bench.worker.stop(timeout=0.05) is False
    assert bench.worker.hangs
    bench.go.release()
    wait_until(lambda: not bench.worker.hangs, "the end")


def test_stop_ends_an_idle_worker_at_once(bench):
    assert bench.worker.stop(timeout=1.0) is True
