"""The ROS 2 package: what runs on the robot.

`training`, `benchmarks`, `demo` and `test` are run from a checkout and are not installed: a robot
needs neither a trainer's dependencies nor top-level packages with common names.
"""

from glob import glob

from setuptools import find_packages, setup

NAME = "moa_depth_ros"
CONFIG = ("yaml", "xml", "rviz", "json")

setup(
    name=NAME,
    version="0.1.0",
    description="Metric depth and point clouds from one colour camera",
    maintainer="moa_depth_ros maintainers",
    maintainer_email="maintainers@moa-depth-ros.example",
    license="Apache-2.0",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={
        NAME: ["models/demo/*"],
        f"{NAME}.network": ["architectures/*.json"],
    },
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        (f"share/{NAME}/launch", glob("launch/*.launch.py")),
        (f"share/{NAME}/config", [path for kind in CONFIG for path in glob(f"config/*.{kind}")]),
        (f"share/{NAME}/config/pictures", glob("config/pictures/*")),
    ],
    install_requires=["setuptools"],
    extras_require={"test": ["pytest"]},  # by which colcon test knows what runs them
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "depth_node = moa_depth_ros.node:main",
            "picture_camera = moa_depth_ros.picture_camera:main",
            "predict = moa_depth_ros.predict:main",
        ],
    },
)
