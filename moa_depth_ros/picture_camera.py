"""The program that stands in for a camera.

``python -m moa_depth_ros.picture_camera --ros-args -p folder:=some/folder``
"""

from __future__ import annotations

import sys

from moa_depth_ros.ros.signals import EndSignals


def main() -> int:
    """Returns the exit status: 0 after SIGINT or SIGTERM, 1 after a line that says what is
    wrong."""
    signals = EndSignals("importing")
    # Not at the top of the file: a signal must end the program without a traceback.
    import rclpy
    from rclpy.exceptions import InvalidParameterTypeException
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.signals import SignalHandlerOptions

    from moa_depth_ros.ros.picture_camera import PictureCamera

    signals.phase = "starting"
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = PictureCamera()
    except (OSError, ValueError, InvalidParameterTypeException) as error:
        print(f"picture_camera: {error}", file=sys.stderr)
        return 1
    signals.phase = "running"
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not signals.asked:
        executor.spin_once(timeout_sec=0.2)
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
