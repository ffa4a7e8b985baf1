"""The estimator in use, which can be replaced while pictures come in. No ROS in it."""

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

HANG_SECONDS = 60.0  # that a load waits for the picture at work, which may be a CPU's

MakeEstimator = Callable[[Path, str, str], DepthEstimator]


@dataclasses.dataclass(frozen=True)
class ModelChoice:
    """What an estimator is made of; the fields are `DepthEstimator`'s arguments."""

    folder: Path
    device: str
    precision: str


class EstimatorSlot:
    """Holds one estimator: loads it, replaces it between two pictures, moves it to the CPU.

    Args:
        warn: takes one line of text when the estimator had to move to the CPU.
        make: makes an estimator of folder, device and precision.

    Attributes:
        current: the estimator, or None before the first `load` and after `clear`.
        notice: what a user should know of the present estimator; empty if it is what was chosen.
    """

    def __init__(self, warn: Callable[[str], object], make: MakeEstimator = DepthEstimator) -> None:
        self.current: DepthEstimator | None = None
        self.notice = ""
        self._warn = warn
        self._make = make
        self._last_shape = (1, 480, 640)  # of the pictures that come, as far as is known
        self._too_many = math.inf  # pixels, of a batch for which there was no memory
        self._lock = threading.Lock()
        self._turn = threading.Lock()  # whoever has it gets `_lock` next

    @property
    def present(self) -> DepthEstimator:
        """The estimator, where there must be one.

        Raises:
            RuntimeError: there is none.
        """
        if self.current is None:
            raise RuntimeError("no model is loaded")
        return self.current

    def load(self, choice: ModelChoice, fallback_to_cpu: bool = False) -> None:
        """Load beside the present estimator, warm up and take its place between two pictures.

        Files are read while pictures go on; only the warm-up, on pictures of the last size, makes
        them wait: PyTorch records one graph at a time.

        Args:
            choice: what to load.
            fallback_to_cpu: whether the CPU does where the device has no memory for it.

        Raises:
            ModelFolderError, ValueError, RuntimeError: as `DepthEstimator`, RuntimeError for
                whatever else went wrong, such as a picture that hangs; the present estimator stays.
        """
        try:
            run_in_passing_thread(lambda: self._load(choice))
            return
        except (ValueError, RuntimeError) as error:
            if not (fallback_to_cpu and is_out_of_memory(error)):
                raise
        except Exception as error:  # PyTorch and drivers raise whatever they like
            raise RuntimeError(f"{type(error).__name__}: {error}") from error
        self.load(dataclasses.replace(choice, device="cpu", precision="float32"))
        self._announce_cpu("cuda" if choice.device == "auto" else choice.device)

    def clear(self, timeout: float = -1) -> None:
        """Let the estimator and the device's memory go.

        Args:
            timeout: seconds that a picture which is at work is waited for; -1: without end.
        Raises:
            TimeoutError: it still is; the estimator stays.
        """
        with self.exclusive(timeout):
            self.current, self.notice = None, ""
            free_cached_memory()

    @contextmanager
    def exclusive(self, timeout: float = -1) -> Iterator[None]:
        """While this is entered, nobody else replaces or uses the estimator. Fair: a loader that
        waits comes before the next picture, however quickly pictures follow each other.

        Args:
            timeout: seconds to wait; -1: without end.
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
            raise TimeoutError("a picture or a model is still at work on the device")
        try:
            yield
        finally:
            self._lock.release()

    def estimate_batch(
        self, pictures: Sequence[Picture], fallback_to_cpu: bool
    ) -> list[DepthEstimate]:
        """`DepthEstimator.estimate_batch` of the present estimator; call it in `exclusive`.

        Where the device's memory is out, what PyTorch keeps there for later is freed and the
        pictures tried again, one at a time, as from then on all batches as large, until another
        estimator is loaded; then, if allowed, on the CPU, where the estimator stays.

        Raises:
            OutOfMemoryError: no memory, and the CPU is not allowed or has none, either.
        """
        if len(pictures) > 1 and math.prod(_batch_shape(pictures)) >= self._too_many:
            return [self.estimate_batch([one], fallback_to_cpu)[0] for one in pictures]
        if (estimates := self._try(pictures)) is not None:
            return estimates
        # Not in an except clause: there, the error's traceback would hold the tensors.
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
        """What finds no memory in here, after the network, is lost; the estimator moves to the CPU,
        if allowed. Enter it in `exclusive`.

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
        """The device's memory that PyTorch uses and keeps, in MiB, by what it is; empty for a
        CPU."""
        estimator = self.current
        if estimator is None or estimator.device.type != "cuda":
            return {}
        try:
            used = torch.cuda.memory_allocated(estimator.device)
            kept = torch.cuda.memory_reserved(estimator.device)
            free, _ = torch.cuda.mem_get_info(estimator.device)
        except RuntimeError as error:  # a device that failed can't tell, either
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
            # While a graph is recorded, nothing is given back, nor where a picture hangs.
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
            f"{device} has no memory left: pictures are estimated on the CPU, in float32. Make "
            "room there and set the parameter device again to go back."
        )
        self._warn(self.notice)


def _batch_shape(pictures: Sequence[Picture]) -> tuple[int, int, int]:
    """(B, H, W)."""
    height, width = pictures[0].pixels.shape[:2]
    return len(pictures), height, width
