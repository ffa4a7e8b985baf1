"""A camera, the depth node and RViz: ``ros2 launch moa_depth_ros demo.launch.py``.

The camera shows a rendered room, or the images of a folder. ``rviz:=false`` leaves RViz out.
"""

import os

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    OpaqueFunction,
    Shutdown,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, ThisLaunchFileDir
from launch_ros.actions import Node

from moa_depth_ros.ros.shared_files import shared_file
from moa_depth_ros.ros.transport import profile_environment


def _arguments() -> list[DeclareLaunchArgument]:
    declare = DeclareLaunchArgument
    return [
        declare(
            "folder",
            default_value="",
            description="Folder of images and their camera.yaml. Empty: a rendered room.",
        ),
        declare("rate", default_value="10.0", description="Images per second."),
        declare("rviz", default_value="true", choices=["true", "false"], description="Start RViz."),
        declare("model", default_value="", description="Model folder. Empty: the demo model."),
        declare("device", default_value="", description="auto, cpu, cuda or cuda:N. Empty: auto."),
    ]


def _nodes(context: LaunchContext) -> list[Node]:
    def value(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    profile = profile_environment(os.environ)
    camera = Node(
        package="moa_depth_ros",
        executable="picture_camera",
        parameters=[{"folder": value("folder"), "rate": _rate(value("rate"))}],
        additional_env=profile,
        output="screen",
        on_exit=Shutdown(reason="the camera ended"),
    )
    if value("rviz") == "false":
        return [camera]
    _check_rviz()
    # The camera's frame with x forward and z up (REP 103), in which RViz shows the cloud upright.
    frames = Node(
        package="tf2_ros",
        executable="static_transform_publisher",
        arguments=[
            *("--roll", "-1.570796", "--yaw", "-1.570796"),
            *("--frame-id", "camera_link", "--child-frame-id", "camera_optical_frame"),
        ],
        additional_env=profile,
    )
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        arguments=["-d", str(shared_file("depth.rviz"))],
        additional_env=profile,
    )
    return [camera, frames, rviz]


def _rate(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise RuntimeError(f"rate: expected Hz, found {text!r}") from None


def _check_rviz() -> None:
    """Before anything starts: launch would end at once, but leave the camera running."""
    for package in ("rviz2", "tf2_ros"):
        try:
            get_package_prefix(package)
        except PackageNotFoundError:
            raise RuntimeError(
                f"RViz needs the package {package}, which is not installed: apt install "
                f"ros-{os.environ.get('ROS_DISTRO', '$ROS_DISTRO')}-rviz2, or rviz:=false"
            ) from None


def generate_launch_description() -> LaunchDescription:
    """The arguments, the camera, RViz, and the depth node as started by depth.launch.py."""
    depth = IncludeLaunchDescription(
        PythonLaunchDescriptionSource([ThisLaunchFileDir(), "/depth.launch.py"]),
        launch_arguments={
            "image": "/camera/image_raw",
            "model": LaunchConfiguration("model"),
            "device": LaunchConfiguration("device"),
        }.items(),
    )
    return LaunchDescription([*_arguments(), OpaqueFunction(function=_nodes), depth])
