"""The estimator in use, which can be replaced while images come in. Independent of ROS."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from moa_depth_ros.estimator import DepthEstimate, DepthEstimator, Picture
from moa_depth_ros.machine.device_memory import free_cached_memory, is_out_of_memory
from moa_depth_ros.machine.threads import run_in_passing_thread

HANG_SECONDS = 60.0  # how long a load waits for the image being processed, perhaps on a CPU

MakeEstimator = Callable[[Path, str, str], DepthEstimator]


@dataclasses.dataclass(frozen=True)
class ModelChoice:
    """What to make an estimator from; the fields are `DepthEstimator`'s arguments."""

    folder: Path
    device: str
    precision: str


class EstimatorSlot:
    """Holds one estimator: loads it, replaces it between two images, moves it to the CPU.

    Args:
        warn: takes one line of text whenever the estimator has had to move to the CPU.
        make: makes an estimator from folder, device and precision.

    Attributes:
        current: the estimator, or None before the first `load` and after `clear`.
        notice: what a user should know about the current estimator; empty if it is the chosen one.
    """

    def __init__(self, warn: Callable[[str], object], make: MakeEstimator = DepthEstimator) -> None:
        self.current: DepthEstimator | None = None
        self.notice = ""
        self._warn = warn
        self._make = make
        self._last_shape = (1, 480, 640)  # of the incoming images, as far as is known
        self._too_many = math.inf  # pixels of a batch that did not fit into memory
        self._lock = threading.Lock()
        self._turn = threading.Lock()  # its holder gets `_lock` next

    @property
    def present(self) -> DepthEstimator:
        """The estimator, for callers that need one.

        Raises:
            RuntimeError: there is none.
        """
        if self.current is None:
            raise RuntimeError("no model is loaded")
        return self.current

    def load(self, choice: ModelChoice, fallback_to_cpu: bool = False) -> None:
        """Load alongside the current estimator, warm up and replace it between two images.

        Files are read while images are processed; only the warm-up, on images of the last size,
        makes them wait, because PyTorch records one graph at a time.

        Args:
            choice: what to load.
            fallback_to_cpu: whether to use the CPU if the device has no memory for it.

        Raises:
            ModelFolderError, ValueError, RuntimeError: as `DepthEstimator`; RuntimeError for
                anything else that went wrong, such as a hung image; the current estimator stays.
        """
        try:
            run_in_passing_thread(lambda: self._load(choice))
            return
        except (ValueError, RuntimeError) as error:
            if not (fallback_to_cpu and is_out_of_memory(error)):
                raise
        except Exception as error:  # PyTorch and drivers raise all kinds of errors
            raise RuntimeError(f"{type(error).__name__}: {error}") from error
        self.load(dataclasses.replace(choice, device="cpu", precision="float32"))
        self._announce_cpu("cuda" if choice.device == "auto" else choice.device)

    def clear(self, timeout: float = -1) -> None:
        """Free the estimator and the device's memory.

        Args:
            timeout: seconds to wait for an image that is being processed; -1: without limit.
        Raises:
            TimeoutError: it is still being processed; the estimator stays.
        """
        with self.exclusive(timeout):
            self.current, self.notice = None, ""
            free_cached_memory()

    @contextmanager
    def exclusive(self, timeout: float = -1) -> Iterator[None]:
        """While this is entered, nobody else replaces or uses the estimator. Fair: a waiting loader
        comes before the next image, however quickly images follow each other.

        Args:
            timeout: seconds to wait; -1: without limit.
        Raises:
            TimeoutError: the others took longer.
        """
        entered = False
        if self._turn.acquire(timeout=timeout):
            try:
                entered = self._lock.acquire(timeout=timeout)
            finally:
                self._turn.release()
        if not entered:
            raise TimeoutError("the device is still busy with an image or a model")
        try:
            yield
        finally:
            self._lock.release()

    def estimate_batch(
        self, pictures: Sequence[Picture], fallback_to_cpu: bool
    ) -> list[DepthEstimate]:
        """`DepthEstimator.estimate_batch` of the current estimator; call it in `exclusive`.

        If the device runs out of memory, PyTorch's cache is freed and the images are retried one by
        one (and so are later batches of at least this size, until another estimator is loaded);
        then, if allowed, on the CPU, where the estimator stays.

        Raises:
            OutOfMemoryError: no memory, and the CPU is not allowed or has none either.
        """
        if len(pictures) > 1 and math.prod(_batch_shape(pictures)) >= self._too_many:
            return [self.estimate_batch([one], fallback_to_cpu)[0] for one in pictures]
        if (estimates := self._try(pictures)) is not None:
            return estimates
        # Not in an except clause: the error's traceback would keep the tensors alive there.
        self.present.clear_graphs()
        free_cached_memory()
        if len(pictures) > 1:
            self._too_many = math.prod(_batch_shape(pictures))
            return self.estimate_batch(pictures, fallback_to_cpu)
        if not fallback_to_cpu or self.present.device.type == "cpu":
            return self.present.estimate_batch(pictures)
        if (estimates := self._try(pictures)) is not None:
            return estimates
        self._fall_back()
        return self.present.estimate_batch(pictures)

    @contextmanager
    def falling_back(self, fallback_to_cpu: bool) -> Iterator[None]:
        """Work inside that runs out of memory, after the network, is lost; the estimator moves to
        the CPU, if allowed. Enter it in `exclusive`.

        Raises:
            whatever is raised inside.
        """
        try:
            yield
        except RuntimeError as error:
            on_cpu = self.present.device.type == "cpu"
            if fallback_to_cpu and not on_cpu and is_out_of_memory(error):
                self._fall_back()
            raise

    def memory(self) -> dict[str, str]:
        """The device's memory that PyTorch uses and reserves, and what is free, in MiB; empty for a
        CPU."""
        estimator = self.current
        if estimator is None or estimator.device.type != "cuda":
            return {}
        try:
            used = torch.cuda.memory_allocated(estimator.device)
            kept = torch.cuda.memory_reserved(estimator.device)
            free, _ = torch.cuda.mem_get_info(estimator.device)
        except RuntimeError as error:  # a device that failed can't tell that, either
            return {"device memory": f"unknown: {error}"}
        sizes = {"used": used, "reserved": kept, "free": free}
        return {f"device memory {what} (MiB)": f"{n / 2**20:.0f}" for what, n in sizes.items()}

    def _load(self, choice: ModelChoice) -> None:
        try:
            estimator = self._make(choice.folder, choice.device, choice.precision)
            with self.exclusive(HANG_SECONDS):
                estimator.warm_up(self._last_shape)
                self.current, self.notice = estimator, ""
                self._too_many = math.inf
        finally:
            # Nothing is freed while a graph is recorded, nor if an image hangs.
            with suppress(TimeoutError), self.exclusive(HANG_SECONDS):
                free_cached_memory()

    def _try(self, pictures: Sequence[Picture]) -> list[DepthEstimate] | None:
        try:
            estimates = self.present.estimate_batch(pictures)
        except RuntimeError as error:
            if is_out_of_memory(error):
                return None
            raise
        self._last_shape = _batch_shape(pictures)
        return estimates

    def _fall_back(self) -> None:
        device = self.present.device
        self.current = self._make(self.present.model, "cpu", "float32")
        free_cached_memory()
        self._announce_cpu(device)

    def _announce_cpu(self, device: object) -> None:
        self.notice = (
            f"{device} has no memory left: depth is now estimated on the CPU, in float32. To go "
            "back, free memory there and set the parameter device again."
        )
        self._warn(self.notice)


def _batch_shape(pictures: Sequence[Picture]) -> tuple[int, int, int]:
    """(B, H, W)."""
    height, width = pictures[0].pixels.shape[:2]
    return len(pictures), height, width
