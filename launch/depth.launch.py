"""Starts the depth node: ``ros2 launch moa_depth_ros depth.launch.py image:=/camera/image_raw``.

``ros2 launch moa_depth_ros depth.launch.py --show-args`` lists the arguments.
"""

import os
import posixpath
from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from moa_depth_ros.ros.shared_files import shared_file
from moa_depth_ros.ros.transport import profile_environment


def _arguments() -> list[DeclareLaunchArgument]:
    declare = DeclareLaunchArgument
    return [
        declare("image", default_value="/camera/image_raw", description="Colour image topic."),
        declare(
            "camera_info",
            default_value="",
            description="CameraInfo topic. Empty: camera_info beside the image topic.",
        ),
        declare(
            "params_file",
            default_value=str(shared_file("depth.yaml")),
            description="Parameter file of the node.",
        ),
        declare(
            "model",
            default_value="",
            description="Model folder. Empty: as in params_file.",
        ),
        declare(
            "device",
            default_value="",
            description="auto, cpu, cuda or cuda:N. Empty: as in params_file.",
        ),
        declare(
            "image_transport",
            default_value="",
            choices=["", "raw", "compressed"],
            description="raw or compressed images. Empty: as in params_file.",
        ),
        declare(
            "rectify",
            default_value="",
            choices=["", "true", "false"],
            description="Undistort the images first. Empty: as in params_file.",
        ),
        declare(
            "autostart",
            default_value="",
            choices=["", "true", "false"],
            description="true: the node configures and activates itself. false: it waits for "
            "ros2 lifecycle set or a lifecycle manager. Empty: as in params_file.",
        ),
        declare(
            "use_sim_time",
            default_value="",
            choices=["", "true", "false"],
            description="Use the time from /clock, which a simulator or ros2 bag play --clock "
            "publishes. Empty: as in params_file.",
        ),
        declare(
            "log_level",
            default_value="info",
            choices=["debug", "info", "warn", "error", "fatal"],
            description="Log level of the node.",
        ),
        declare("namespace", default_value="", description="Namespace of the node."),
        declare(
            "fastdds_profile",
            default_value="true",
            choices=["true", "false"],
            description="Use this package's Fast DDS profile (64 MB of shared memory), unless the "
            "environment names one. Start the camera driver with it, too.",
        ),
    ]


def _node(context: LaunchContext) -> list[Node]:
    def value(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    remappings = [("image", value("image"))]
    if camera_info := value("camera_info"):
        # The second rule covers a topic that has the name the node would find without remapping.
        sibling = posixpath.join(posixpath.dirname(value("image")), "camera_info")
        remappings += [("camera_info", camera_info), (sibling, camera_info)]
    texts = ("model", "device", "image_transport")
    given = {name: value(name) for name in texts if value(name)}
    switches = ("rectify", "autostart", "use_sim_time")
    given |= {name: value(name) == "true" for name in switches if value(name)}
    # The way nodes name their loggers; a group's PushRosNamespace counts, too.
    pushed = context.launch_configurations.get("ros_namespace", "")
    namespace = posixpath.join(pushed, value("namespace"))
    logger = ".".join([*filter(None, namespace.split("/")), "moa_depth"])
    profile = profile_environment(os.environ) if value("fastdds_profile") == "true" else {}
    # ROS would only warn about a missing file, and let the node run without its limits.
    params_file = Path(value("params_file")).expanduser()
    if not params_file.is_file():
        raise RuntimeError(f"params_file: no such file: {params_file}")
    return [
        Node(
            package="moa_depth_ros",
            executable="depth_node",
            name="moa_depth",
            namespace=value("namespace"),
            remappings=remappings,
            parameters=[str(params_file), given],
            ros_arguments=["--log-level", f"{logger}:={value('log_level')}"],
            additional_env=profile,
            output="screen",
        )
    ]


def generate_launch_description() -> LaunchDescription:
    """The arguments, and the node made from them."""
    return LaunchDescription([*_arguments(), OpaqueFunction(function=_node)])
