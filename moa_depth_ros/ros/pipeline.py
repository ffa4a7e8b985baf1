"""Several cameras, one network: the pictures that arrived meanwhile go through it together."""

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
    """Takes pictures as they come, works on each camera's newest in a thread of its own.

    While the network runs, one picture of each camera waits. The next runs take all of them,
    those of one size in one run; no picture waits for another to arrive.

    Args:
        node: for its parameters and its clock.
        estimators: holds the estimator, which may be replaced between two runs.
        cameras: with outputs.
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
        """Unsubscribe, drop what waits, let the running pictures end. False if they still run
        after the timeout, in seconds."""
        for stream in self._streams.values():
            stream.camera.inputs.unsubscribe()
        return self._worker.stop(timeout)

    @property
    def hangs(self) -> bool:
        """Whether a picture is still at work, long after `stop`."""
        return self._worker.hangs

    def focal_ratio(self, camera: Camera) -> float:
        """What a camera's depth is multiplied by at present, for its lens."""
        return self._streams[camera.name].focal_ratio

    def _work(self, frames: list[Frame]) -> None:
        """In the worker's thread: everything that the waiting pictures take."""
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
        """Pictures of one size, while nobody else has the estimator."""
        for job in jobs:
            job.laps.end("waiting")  # for other sizes, or where a new model warmed up meanwhile
        fallback_to_cpu = self._node.get_parameter("fallback_to_cpu").value
        pictures = [job.stream.picture_of(job) for job in jobs]
        estimates = self._estimators.estimate_batch(pictures, fallback_to_cpu)
        falling_back = partial(self._estimators.falling_back, fallback_to_cpu)
        with falling_back():
            # A camera's own: smoothed over time, then without what is no reading.
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
        """Whether nobody waits for these pictures any more: estimator and outputs may be gone."""
        if not self._worker.abandoned:
            return False
        for job in jobs:
            _drop(job)
        return True


def _drop(picture: Frame | Job) -> None:
    picture.stream.camera.statistics.count("dropped")


@contextmanager
def _counting_failures(*pictures: Frame | Job) -> Iterator[None]:
    """What is raised inside is the failure of these pictures, and of no others."""
    try:
        yield
    except Exception as error:
        for picture in pictures:
            picture.stream.camera.fail(error)
