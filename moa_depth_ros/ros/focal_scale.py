"""What the node does about a lens that differs from the training camera's."""

from __future__ import annotations

from collections.abc import Callable

from moa_depth_ros.intrinsics import Intrinsics

NOTEWORTHY = 0.01  # a relative change of the ratio that is worth another log line


class FocalScale:
    """Decides whether depth is scaled for the camera's focal length, and logs it once.

    Args:
        training_camera: the camera that the network was trained with.
        log: takes one line of text, at the first image of a known camera and whenever the ratio or
            the decision changes; False if it must be told again, with a later image.

    Attributes:
        ratio: what depth is currently multiplied by; 1 if nothing is known or wanted.
        training_camera: as given.
    """

    def __init__(self, training_camera: Intrinsics, log: Callable[[str], bool]) -> None:
        self.ratio = 1.0
        self.training_camera = training_camera
        self._log = log
        self._said: tuple[float, bool] | None = None

    def camera_for(self, intrinsics: Intrinsics | None, wanted: bool) -> Intrinsics | None:
        """The camera to pass to the estimator: None if depth is to stay as the network gives it.

        Args:
            intrinsics: of the image, or None if no CameraInfo gives them.
            wanted: the parameter ``scale_by_focal_length``.
        """
        if intrinsics is None:
            self.ratio = 1.0
            return None
        found = intrinsics.focal_ratio(self.training_camera)
        self.ratio = found if wanted else 1.0
        self._say(intrinsics, found, wanted)
        return intrinsics if wanted else None

    def _say(self, intrinsics: Intrinsics, ratio: float, wanted: bool) -> None:
        if self._said is not None:
            before, decision = self._said
            if decision == wanted and abs(ratio / before - 1) <= NOTEWORTHY:
                return
        if abs(ratio - 1) <= NOTEWORTHY:
            consequence = "depth needs no scaling"
        else:
            consequence = (
                "depth is scaled by this factor" if wanted else "depth is not scaled, as asked"
            )
        told = self._log(
            f"This camera's focal length is {ratio:.3f} times the training camera's at equal image "
            f"size ({_describe(intrinsics)} against {_describe(self.training_camera)}): "
            f"{consequence}."
        )
        if told:
            self._said = ratio, wanted


def _describe(camera: Intrinsics) -> str:
    return f"{camera.fx:.1f} x {camera.fy:.1f} px at {camera.size_text}"
