"""The node's executor."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from rclpy.exceptions import InvalidHandle
from rclpy.executors import (
    Executor,
    ExternalShutdownException,
    ShutdownException,
    TimeoutException,
)
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.task import Task


class ServicesAsideExecutor(Executor):
    """Calls services in threads of their own, which a model that loads may hold up, and everything
    else at once in the thread that spins.

    rclpy's executor for several threads hands every callback to another thread, which takes a
    picture some tenths of a millisecond, and several whenever the two threads meet.
    """

    def __init__(self) -> None:
        super().__init__()
        # The second one is for those that find another at work in their callback group: they end at
        # once and come again.
        self._aside = ThreadPoolExecutor(2, "services")
        self._called: list[Task] = []

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Wait for something to be ready, and call it.

        Args:
            timeout_sec: seconds to wait at most; None: without end.
        Raises:
            whatever a callback raised, a service's at some later call.
        """
        try:
            task, entity, _ = self.wait_for_ready_callbacks(timeout_sec=timeout_sec)
        except (ExternalShutdownException, ShutdownException, TimeoutException):
            return
        if isinstance(entity, Service):
            if task not in self._called:  # it is offered again until the other thread has begun it
                self._called.append(task)
                self._aside.submit(task)
        else:
            task()
            task.result()
        for done in [task for task in self._called if task.done()]:
            self._called.remove(done)
            done.result()

    def _take_subscription(self, sub: Subscription) -> Callable | None:
        # A transition may have destroyed it in the other thread since it was found to be ready.
        # Humble's rclpy lets this out, and believes from then on that its group is at work.
        try:
            return super()._take_subscription(sub)
        except InvalidHandle:
            return None

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Let what runs end, and take nothing new. False if the timeout, in seconds, came first."""
        ended = super().shutdown(timeout_sec)
        self._aside.shutdown()
        return ended
