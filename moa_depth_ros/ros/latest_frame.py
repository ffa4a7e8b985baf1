"""A worker thread with a slot for one item: the newest item wins. No ROS in it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class LatestFrameWorker(Generic[Item]):
    """Runs one job at a time on the newest item handed in.

    An item that arrives while the job runs waits in the slot; one that arrives while another waits
    replaces it. So a slow job drops items instead of queueing them, and no item starts later than
    one run of the job after it arrived.

    Args:
        job: called in the worker's thread with each item that is not dropped.
        on_error: called in the worker's thread with whatever the job raised; the worker lives on.
        name: the thread's name, for debuggers.
    """

    def __init__(
        self,
        job: Callable[[Item], None],
        on_error: Callable[[Exception], None],
        name: str = "latest_frame",
    ) -> None:
        self._job = job
        self._on_error = on_error
        self._changed = threading.Condition()
        self._waiting: list[Item] = []  # the slot: empty or one item
        self._stopping = False
        # A daemon, so that a job stuck in a driver can't keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, item: Item) -> bool:
        """Hand in an item. True if it pushed out one that was waiting, or if the worker is stopping
        and the item itself is lost: one item was dropped."""
        with self._changed:
            if self._stopping:
                return True
            dropped = bool(self._waiting)
            self._waiting[:] = [item]
            self._changed.notify()
            return dropped

    def stop(self, timeout: float = 5.0) -> bool:
        """Drop what waits, let the running job end, end the thread.

        Args:
            timeout: seconds to wait for the running job.
        Returns:
            True once the thread has ended; False if the job still runs after the timeout.
        """
        with self._changed:
            self._stopping = True
            self._waiting.clear()
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._waiting)
                if self._stopping:
                    return
                item = self._waiting.pop()
            try:
                self._job(item)
            except Exception as error:
                self._on_error(error)
            del item  # the next wait may be long: don't hold a picture's memory through it
