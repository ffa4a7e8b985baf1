"""The report that the demo prints at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def report(camera: Mapping[str, Any], viewer: Mapping[str, Any], out: Path) -> str:
    """The figures of a run, as text.

    Args:
        camera: what the camera's process wrote: published, source.
        viewer: what the viewer's process wrote: depth_latency, cloud_latency, errors, node.
        out: the folder of the files.
    """
    node = viewer["node"]
    published, arrived = camera["published"], int(node["frames in"])
    answered, dropped = int(node["frames out"]), int(node["frames dropped"])
    depths, clouds = len(viewer["depth_latency"]), len(viewer["cloud_latency"])
    lines = [
        "",
        f"source     {camera['source']}",
        f"model      {node['model']} on {node['device']}",
        f"frames     published {published}, received by the node {arrived} "
        f"(lost in transport {published - arrived}), answered {answered}, "
        f"dropped for a newer one {dropped}",
        f"viewer     received {depths} depths (lost {answered - depths}) and {clouds} clouds",
        f"latency    camera to viewer: depth {_latency(viewer['depth_latency'])}, "
        f"cloud {_latency(viewer['cloud_latency'])}",
        f"  of that  medians in the node: {_stages(node)}",
        f"errors     {_errors(viewer['errors'])}",
        f"files      {', '.join(str(out / name) for name in ('depth.png', 'cloud.ply'))}",
    ]
    return "\n".join(lines)


def _latency(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none"
    median, p95 = np.percentile(seconds, (50, 95)) * 1e3
    return f"median {median:.1f} ms, 95th percentile {p95:.1f} ms"


def _stages(node: Mapping[str, str]) -> str:
    stages = ("waiting", "network", "cloud", "publishing")
    return ", ".join(f"{stage} {node[f'{stage} median (ms)']} ms" for stage in stages)


def _errors(errors: Sequence[Mapping[str, float]]) -> str:
    if not errors:
        return "no ground truth"
    abs_rel, delta1, rmse = (
        np.nanmean([frame[name] for frame in errors]) for name in ("abs_rel", "delta1", "rmse")
    )
    return (
        f"against the ground truth of {len(errors)} frames: "
        f"AbsRel {abs_rel:.3f}, delta1 {delta1:.3f}, RMSE {rmse:.3f} m"
    )
