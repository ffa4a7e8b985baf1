"""A worker thread with a slot for one item per source: the newest wins. Independent of ROS."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class LatestFrameWorker(Generic[Item]):
    """Runs one job at a time on the newest items submitted, one per source.

    An item that arrives while the job runs waits in its source's slot, and replaces one that waits
    there already. The next run of the job takes the items of all slots. A slow job therefore drops
    items instead of queueing them, no item starts later than one run of the job after it arrived,
    and no source waits for another.

    Args:
        job: called in the worker's thread with the items that were not dropped, starting with the
            source that has waited longest. An exception from it ends the worker.
        drop: called with each dropped item, in whichever thread drops it.
        name: the thread's name, for debuggers.

    Attributes:
        abandoned: whether the job that was running on `stop` is no longer waited for.
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
        self._waiting: dict[Hashable, Item] = {}  # the occupied slots
        self._stopping = False
        self.abandoned = False
        # A daemon, so that a job stuck in a driver can't keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, source: Hashable, item: Item) -> None:
        """Submit an item. It replaces and drops the item of its source that was waiting; if the
        worker is stopping, it is dropped itself."""
        with self._changed:
            dropped = item if self._stopping else self._waiting.get(source)
            if not self._stopping:
                self._waiting[source] = item
                self._changed.notify()
        if dropped is not None:
            self._drop(dropped)
        time.sleep(0)  # releases the interpreter lock: the worker starts now, not a turn later

    def stop(self, timeout: float) -> bool:
        """Drop waiting items, let the running job finish, end the thread.

        Args:
            timeout: seconds to wait for the running job.
        Returns:
            True once the thread has ended; False if the job is still running after the timeout.
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
        """Whether a job that is no longer waited for is still running."""
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
            del items  # the next wait may be long: don't hold the images' memory meanwhile
