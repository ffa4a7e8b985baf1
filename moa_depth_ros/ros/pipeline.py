"""Several cameras, one network: the images that have arrived go through it together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from rclpy.node import Node

from moa_depth_ros.estimator.estimator_slot import EstimatorSlot
from moa_depth_ros.estimator.transfer import wait_for
from moa_depth_ros.ros.camera import Camera
from moa_depth_ros.ros.camera_stream import CameraStream, Frame, Job
from moa_depth_ros.ros.latest_frame import LatestFrameWorker


class Pipeline:
    """Takes images as they arrive, and processes each camera's newest in a thread of its own.

    While the network runs, one image of each camera waits. The next runs take all of them, images
    of the same size in one run; no image waits for another one to arrive.

    Args:
        node: for its parameters and its clock.
        estimators: holds the estimator, which may be replaced between two runs.
        cameras: with their outputs.
    """

    def __init__(self, node: Node, estimators: EstimatorSlot, cameras: Sequence[Camera]) -> None:
        self._node = node
        self._estimators = estimators
        self._worker: LatestFrameWorker[Frame] = LatestFrameWorker(self._work, _drop, "estimator")
        self._streams = {
            camera.name: CameraStream(
                node, camera, estimators, partial(self._worker.submit, camera.name)
            )
            for camera in cameras
        }

    def start(self) -> None:
        """Subscribe."""
        for stream in self._streams.values():
            stream.camera.statistics.subscribed()
            stream.camera.inputs.subscribe(stream.on_picture, stream.on_camera_info)

    def stop(self, timeout: float) -> bool:
        """Unsubscribe, drop waiting images, let the running ones finish. False if they are still
        running after the timeout, in seconds."""
        for stream in self._streams.values():
            stream.camera.inputs.unsubscribe()
        return self._worker.stop(timeout)

    @property
    def hangs(self) -> bool:
        """Whether an image is still being processed, long after `stop`."""
        return self._worker.hangs

    def focal_ratio(self, camera: Camera) -> float:
        """The factor that a camera's depth is currently multiplied by, for its lens."""
        return self._streams[camera.name].focal_ratio

    def _work(self, frames: list[Frame]) -> None:
        """Process all waiting images; runs in the worker's thread."""
        groups: dict[tuple[int, ...], list[Job]] = {}
        for frame in frames:
            with _counting_failures(frame):
                job = frame.stream.prepare(frame)
                if job is not None and not frame.stream.answer_without_depth(job):
                    groups.setdefault(job.picture.shape[:2], []).append(job)
        for jobs in groups.values():
            with _counting_failures(*jobs), self._estimators.exclusive():
                if not self._dropped(jobs):
                    self._run(jobs)

    def _run(self, jobs: list[Job]) -> None:
        """Process images of one size, with the estimator held exclusively."""
        for job in jobs:
            job.laps.end("waiting")  # for other sizes, or while a new model was warming up
        fallback_to_cpu = self._node.get_parameter("fallback_to_cpu").value
        pictures = [job.stream.picture_of(job) for job in jobs]
        estimates = self._estimators.estimate_batch(pictures, fallback_to_cpu)
        falling_back = partial(self._estimators.falling_back, fallback_to_cpu)
        with falling_back():
            # Each camera's own: smoothed over time, then without invalid depth.
            smooth = [job.stream.smooth(job, of) for job, of in zip(jobs, estimates, strict=True)]
            readings = [job.stream.readings(job, of) for job, of in zip(jobs, smooth, strict=True)]
            wait_for(readings[-1].depth)
        for job in jobs:
            job.laps.end("network")
        if self._dropped(jobs):
            return
        for job, estimate, shown in zip(jobs, smooth, readings, strict=True):
            with _counting_failures(job), falling_back():
                job.stream.publish(job, estimate, shown, together=len(jobs))

    def _dropped(self, jobs: list[Job]) -> bool:
        """Whether these images are no longer waited for: estimator and outputs may be gone."""
        if not self._worker.abandoned:
            return False
        for job in jobs:
            _drop(job)
        return True


def _drop(picture: Frame | Job) -> None:
    picture.stream.camera.statistics.count("dropped")


@contextmanager
def _counting_failures(*pictures: Frame | Job) -> Iterator[None]:
    """An exception raised inside counts as the failure of these images, and of no others."""
    try:
        yield
    except Exception as error:
        for picture in pictures:
            picture.stream.camera.fail(error)
