"""RViz and Foxglove are configured to show what camera and node publish."""

import json
import re

import numpy as np
import yaml
from scipy.spatial.transform import Rotation

CAMERA = {"/camera/image_raw", "/camera/camera_info"}
NODE = {f"/moa_depth/{name}" for name in ("depth", "points", "camera_info", "uncertainty")}
TOPICS = CAMERA | NODE | {"/diagnostics"}


def strings(value):
    """All keys and values that are strings, at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from (*strings(key), *strings(item))
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def topics(value):
    return {text for text in strings(value) if text.startswith("/")}


def test_rviz_shows_picture_depth_and_cloud_in_a_frame_with_z_up(root):
    """The frame that demo.launch.py publishes beside the camera's."""
    from moa_depth_ros.ros.picture_camera import FRAME

    given = yaml.safe_load((root / "config" / "depth.rviz").read_text())["Visualization Manager"]
    assert topics(given) == {"/camera/image_raw", "/moa_depth/depth", "/moa_depth/points"}
    launch = (root / "launch" / "demo.launch.py").read_text()
    transform = dict(re.findall(r'"--([a-z-]+)", "([^"]+)"', launch))
    assert transform["frame-id"] == given["Global Options"]["Fixed Frame"]
    assert transform["child-frame-id"] == FRAME
    roll, yaw = (float(transform[name]) for name in ("roll", "yaw"))
    x, y, z = Rotation.from_euler("xyz", (roll, 0, yaw)).as_matrix().T  # of the optical frame
    np.testing.assert_allclose((z, x, y), [[1, 0, 0], [0, -1, 0], [0, 0, -1]], atol=1e-5)
    # Reliable readers would not receive from a best-effort camera.
    qos = [d["Topic"]["Reliability Policy"] for d in given["Displays"] if "Topic" in d]
    assert qos == ["Best Effort"] * 3


def test_foxgloves_panels_are_all_placed_and_show_topics_that_there_are(root):
    given = json.loads((root / "config" / "foxglove.json").read_text())
    placed = {text for text in strings(given["layout"]) if "!" in text}
    assert placed == given["configById"].keys()
    assert topics(given["configById"]) <= TOPICS
    assert {"/moa_depth/depth", "/moa_depth/points", "/diagnostics"} <= topics(given)
