"""A worker thread with a slot for one item of each source: the newest wins. No ROS in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class LatestFrameWorker(Generic[Item]):
    """Runs one job at a time on the newest items handed in, one of each source.

    An item that arrives while the job runs waits in its source's slot; one that arrives while
    another waits there replaces it. The next run of the job takes every slot's. So a slow job drops
    items instead of queueing them, no item starts later than one run of the job after it arrived,
    and no source waits for another.

    Args:
        job: called in the worker's thread with the items that are not dropped, the source that has
            waited longest first. What it raises ends the worker.
        drop: called with each item that is dropped, in whatever thread drops it.
        name: the thread's name, for debuggers.

    Attributes:
        abandoned: whether nobody waits any more for the job that runs, or ran, when it was stopped.
    """

    def __init__(
        self,
        job: Callable[[list[Item]], None],
        drop: Callable[[Item], None],
        name: str = "latest_frame",
    ) -> None:
        self._job = job
        self._drop = drop
        self._changed = threading.Condition()
        self._waiting: dict[Hashable, Item] = {}  # the slots that hold an item
        self._stopping = False
        self.abandoned = False
        # A daemon, so that a job stuck in a driver can't keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, source: Hashable, item: Item) -> None:
        """Hand in an item. One of its source that was waiting is dropped for it; where the worker
        is stopping, the item itself is."""
        with self._changed:
            dropped = item if self._stopping else self._waiting.get(source)
            if not self._stopping:
                self._waiting[source] = item
                self._changed.notify()
        if dropped is not None:
            self._drop(dropped)
        time.sleep(0)  # lets go of the interpreter: the worker begins now, not a turn later

    def stop(self, timeout: float) -> bool:
        """Drop what waits, let the running job end, end the thread.

        Args:
            timeout: seconds to wait for the running job.
        Returns:
            True once the thread has ended; False if the job still runs after the timeout.
        """
        with self._changed:
            self._stopping = True
            waiting = list(self._waiting.values())
            self._waiting.clear()
            self._changed.notify()
        for item in waiting:
            self._drop(item)
        self._thread.join(timeout)
        self.abandoned = self._thread.is_alive()
        return not self.abandoned

    @property
    def hangs(self) -> bool:
        """Whether the job that nobody waits for any more still runs."""
        return self.abandoned and self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._waiting)
                if self._stopping:
                    return
                items = list(self._waiting.values())
                self._waiting.clear()
            self._job(items)
            del items  # the next wait may be long: don't hold pictures' memory through it
