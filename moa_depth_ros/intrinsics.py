"""The pinhole camera."""

from __future__ import annotations

import dataclasses
import math

_SHAPE_TOLERANCE = 0.02  # of width / height; sizes are rounded when images are resized


def are_alike(width: int, height: int, other_width: int, other_height: int) -> bool:
    """Whether images of these sizes have one aspect ratio: one may be the other, resized."""
    return abs(math.log(width / height * other_height / other_width)) <= _SHAPE_TOLERANCE


@dataclasses.dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera: X = (u - cx) Z / fx, Y = (v - cy) Z / fy, pixel centres at whole numbers.

    Attributes:
        width, height: image size in pixels.
        fx, fy: focal lengths in pixels.
        cx, cy: principal point in pixels.

    Raises:
        ValueError: a size that is not a positive whole number, a focal length that is not positive,
            or a value that is not finite.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        sizes = (self.width, self.height)
        # YAML's yes is True, which equals 1; its .inf has no remainder.
        if any(isinstance(size, bool) or not size > 0 or size % 1 != 0 for size in sizes):
            raise ValueError(
                f"camera: expected a positive image size in pixels, found {self.size_text}"
            )
        values = (self.fx, self.fy, self.cx, self.cy)
        if not all(math.isfinite(value) for value in values):
            raise ValueError(f"camera: expected finite intrinsics, found {self}")
        if self.fx <= 0 or self.fy <= 0:
            raise ValueError(f"camera: expected positive focal lengths, found {self}")

    @property
    def size_text(self) -> str:
        """Width x height."""
        return f"{self.width}x{self.height}"

    def resized(self, width: int, height: int) -> Intrinsics:
        """The camera of this one's images once they are resized as a whole. The principal point is
        scaled like in image_proc, cx · s, not like pixels whose centres are at whole numbers."""
        sx, sy = width / self.width, height / self.height
        return Intrinsics(width, height, self.fx * sx, self.fy * sy, self.cx * sx, self.cy * sy)

    def fitted(self, width: int, height: int) -> Intrinsics:
        """As :meth:`resized`, for images that are said to be this camera's.

        Raises:
            ValueError: they have another aspect ratio.
        """
        if not are_alike(width, height, self.width, self.height):
            raise ValueError(
                f"{width}x{height} pixels do not fit this camera, which has {self.size_text}: the "
                "aspect ratio differs"
            )
        return self.resized(width, height)

    def focal_ratio(self, other: Intrinsics) -> float:
        """How much longer this lens is than another, both seen in images of the same size.

        A network trained with ``other`` takes an object seen through a lens twice as long for one
        at half its distance: its depth times this ratio is right again. If the aspect ratios
        differ, the geometric mean of both directions counts.
        """
        x = (self.fx / self.width) / (other.fx / other.width)
        y = (self.fy / self.height) / (other.fy / other.height)
        return math.sqrt(x * y)

    def to_dict(self) -> dict[str, float]:
        """Plain values, ready for JSON."""
        return dataclasses.asdict(self)


NYU_KINECT = Intrinsics(640, 480, 518.85790, 519.46961, 325.58245, 253.73617)
"""The colour camera of NYU Depth V2 (the data set's toolbox)."""
