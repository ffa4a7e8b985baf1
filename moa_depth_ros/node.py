"""The program: starts the ROS 2 node ``moa_depth``, ends it on SIGINT and SIGTERM."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import threading
import traceback
from typing import TYPE_CHECKING, NoReturn

from moa_depth_ros.machine.allocator import keep_freed_memory
from moa_depth_ros.ros.signals import EndSignals

if TYPE_CHECKING:
    from moa_depth_ros.ros.depth_node import DepthNode
    from moa_depth_ros.ros.executor import ServiceThreadExecutor

# The executor's thread and the worker's share Python's interpreter lock. By default, a waiting
# thread lets the other run for 5 ms, which is as long as a small network takes.
SWITCH_SECONDS = 1e-4
LAST_WORK_SECONDS = 0.3  # for a running service, then for an image; all ends within a second

HELP = """\
Metric depth and point clouds from one colour camera: the managed (lifecycle) ROS 2 node moa_depth.
It takes ROS arguments:

  --ros-args -r image:=/camera/image_raw     the image topic; camera_info is expected beside it
             -p device:=cuda -p model:=DIR   parameters; config/depth.yaml lists them all
             --params-file FILE              parameters from a file
"""


def main(args: list[str] | None = None) -> NoReturn:
    """Run the node until a signal ends it, then end the process.

    The exit status is 0; or 1 if the node could not start, after one line that says why, or if an
    unexpected error ended it, after its traceback.

    Args:
        args: the command line, ROS arguments included; ``sys.argv`` by default.
    """
    status = _run(EndSignals("importing"), args)
    # The node has left the graph. A normal exit would tear PyTorch down, which takes up to a
    # second, and more when a core is busy, and would wait for an image or a service that hangs.
    os._exit(status)


def _run(signals: EndSignals, args: list[str] | None) -> int:
    try:
        _init_ros(args)
    except RuntimeError as error:  # unreadable ROS arguments, or no place for logs
        hint = "; set ROS_LOG_DIR to a writable folder" if "logging" in str(error) else ""
        print(f"error: {error}{hint}", file=sys.stderr)
        return 1

    # Not at the top of the file, nor before ROS is initialised: with PyTorch, this takes seconds,
    # during which a signal must end the program without a traceback.
    from rclpy.logging import get_logger
    from rclpy.utilities import try_shutdown

    from moa_depth_ros.machine.threads import leave_a_core
    from moa_depth_ros.ros.depth_node import DepthNode
    from moa_depth_ros.ros.executor import ServiceThreadExecutor
    from moa_depth_ros.ros.parameters import ParameterError

    signals.phase = "running"
    keep_freed_memory()
    leave_a_core()
    sys.setswitchinterval(SWITCH_SECONDS)
    node, status = None, 1
    executor = ServiceThreadExecutor()
    try:
        node = DepthNode()
        executor.add_node(node)
        status = _spin(node, executor, signals)
    except ParameterError as error:
        get_logger("moa_depth").fatal(str(error))
    except Exception:
        traceback.print_exc()  # here, because os._exit ends the process
    ended = executor.shutdown(LAST_WORK_SECONDS)
    if node is not None:
        node.close(LAST_WORK_SECONDS if ended else 0.0)
    try_shutdown()
    return status


def _init_ros(args: list[str] | None) -> None:
    import rclpy
    from rclpy.logging import get_logger
    from rclpy.signals import SignalHandlerOptions
    from rclpy.utilities import get_rmw_implementation_identifier, remove_ros_args

    from moa_depth_ros.ros.transport import shared_memory_shortage

    shortage = shared_memory_shortage(os.environ)  # before DDS allocates its own
    _parser().parse_args(remove_ros_args(sys.argv if args is None else args)[1:])
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    if shortage and get_rmw_implementation_identifier().startswith("rmw_fastrtps"):
        get_logger("moa_depth").warning(shortage)


def _spin(node: DepthNode, executor: ServiceThreadExecutor, signals: EndSignals) -> int:
    """Spin until a signal comes or the node fails to start; returns the exit status."""
    from rclpy.exceptions import InvalidHandle

    failed = threading.Event()

    def start() -> None:
        started = False
        try:
            started = node.start()
        finally:
            if not started:
                failed.set()

    if node.get_parameter("autostart").value:
        # In a service's thread, like a requested transition: reports go on while the model loads.
        node.create_guard_condition(start).trigger()
    while not (signals.asked or failed.is_set()):
        # The executor has no lock against a transition in the other thread that destroys what it is
        # looking at; it starts afresh with the next wait.
        with contextlib.suppress(InvalidHandle):
            executor.spin_once(timeout_sec=0.2)  # signals are checked between two waits
    return 0 if signals.asked else 1


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="depth_node",
        usage="%(prog)s [-h] [--ros-args ...]",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


if __name__ == "__main__":
    main()
