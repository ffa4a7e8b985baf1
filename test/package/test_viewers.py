"""What RViz and Foxglove are given to show is what camera and node publish."""

import json

import yaml

CAMERA = {"/camera/image_raw", "/camera/camera_info"}
NODE = {f"/moa_depth/{name}" for name in ("depth", "points", "camera_info", "uncertainty")}
TOPICS = CAMERA | NODE | {"/diagnostics"}


def strings(value):
    """All keys and values that are texts, at any depth."""
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


def test_rviz_shows_picture_depth_and_cloud_in_the_cameras_frame(root):
    from moa_depth_ros.ros.picture_camera import FRAME

    given = yaml.safe_load((root / "config" / "depth.rviz").read_text())["Visualization Manager"]
    assert topics(given) == {"/camera/image_raw", "/moa_depth/depth", "/moa_depth/points"}
    assert given["Global Options"]["Fixed Frame"] == FRAME
    # Reliable readers would not hear a camera's best effort.
    qos = [d["Topic"]["Reliability Policy"] for d in given["Displays"] if "Topic" in d]
    assert qos == ["Best Effort"] * 3


def test_foxgloves_panels_are_all_placed_and_show_topics_that_there_are(root):
    given = json.loads((root / "config" / "foxglove.json").read_text())
    placed = {text for text in strings(given["layout"]) if "!" in text}
    assert placed == given["configById"].keys()
    assert topics(given["configById"]) <= TOPICS
    assert {"/moa_depth/depth", "/moa_depth/points", "/diagnostics"} <= topics(given)
