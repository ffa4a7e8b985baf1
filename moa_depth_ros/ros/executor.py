"""The node's executor."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from traceback import format_exception

from rclpy.exceptions import InvalidHandle
from rclpy.executors import (
    Executor,
    ExternalShutdownException,
    ShutdownException,
    TimeoutException,
)
from rclpy.guard_condition import GuardCondition
from rclpy.node import Node
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.task import Task


class ServiceThreadExecutor(Executor):
    """Calls services and guard conditions in threads of their own, which loading a model may block,
    and everything else directly in the thread that spins.

    rclpy's multi-threaded executor hands every callback to another thread, which costs each image
    some tenths of a millisecond, and several milliseconds when the two contend.
    """

    def __init__(self) -> None:
        super().__init__()
        # The second thread is for calls whose callback group is busy: they end at once and come
        # again.
        self._threads = ThreadPoolExecutor(2, "services")
        self._called: dict[Task, Future] = {}

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Wait for something to be ready, and call it. An error in a service is logged: anybody may
        send a request that rclpy itself can't read.

        Args:
            timeout_sec: seconds to wait at most; None: without limit.
        Raises:
            whatever any other callback raised.
        """
        try:
            task, entity, node = self.wait_for_ready_callbacks(timeout_sec=timeout_sec)
        except (ExternalShutdownException, ShutdownException, TimeoutException):
            return
        if isinstance(entity, (Service, GuardCondition)):
            # Before Lyrical, it is offered again until the other thread has started it.
            if task not in self._called:
                self._called[task] = self._threads.submit(_call, task, node)
        else:
            task()
            task.result()
        self._called = {task: call for task, call in self._called.items() if not call.done()}

    def _take_subscription(self, sub: Subscription) -> Callable | None:
        # A transition in the other thread may have destroyed it since it was found to be ready.
        # Humble's rclpy lets the error escape, and considers its group busy from then on.
        try:
            return super()._take_subscription(sub)
        except InvalidHandle:
            return None

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Let running calls end, start no others. False if the timeout, in seconds, came first."""
        running = wait(self._called.values(), timeout_sec).not_done
        self._threads.shutdown(wait=False)
        return super().shutdown(0) and not running


def _call(task: Task, node: Node | None) -> None:
    task()
    if (error := task.exception()) is not None:
        text = "".join(format_exception(type(error), error, error.__traceback__))
        assert node is not None  # every service has one
        node.get_logger().error(f"A service failed: {text}")
