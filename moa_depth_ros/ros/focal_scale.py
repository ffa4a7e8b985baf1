"""What the node does about a lens that is not the training camera's."""

from __future__ import annotations

from collections.abc import Callable

from moa_depth_ros.intrinsics import Intrinsics

NOTEWORTHY = 0.01  # a change of the ratio, relative, that is worth another line


class FocalScale:
    """Decides whether depth is scaled for the camera's focal length, and says so once.

    Args:
        training_camera: the camera that the network learned with.
        log: takes one line of text, at the first picture of a known camera and whenever the
            ratio or the decision changes; False if it has to be told again, with a later picture.

    Attributes:
        ratio: what depth is multiplied by at present; 1 where nothing is known or wanted.
        training_camera: as given.
    """

    def __init__(self, training_camera: Intrinsics, log: Callable[[str], bool]) -> None:
        self.ratio = 1.0
        self.training_camera = training_camera
        self._log = log
        self._said: tuple[float, bool] | None = None

    def camera_for(self, intrinsics: Intrinsics | None, wanted: bool) -> Intrinsics | None:
        """The camera to hand to the estimator: None if depth shall stay as the network has it.

        Args:
            intrinsics: of the picture, or None where no CameraInfo tells.
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
            consequence = "depth is scaled by that" if wanted else "depth is not scaled, as asked"
        told = self._log(
            f"This camera's focal length is {ratio:.3f} times the training camera's for pictures "
            f"of one size ({_describe(intrinsics)} to {_describe(self.training_camera)}): "
            f"{consequence}."
        )
        if told:
            self._said = ratio, wanted


def _describe(camera: Intrinsics) -> str:
    return f"{camera.fx:.1f} x {camera.fy:.1f} px at {camera.size_text}"
