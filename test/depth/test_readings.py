"""Which values of a depth image are readings."""

import math

import numpy as np
import pytest

from moa_depth_ros.depth.readings import only_readings


@pytest.mark.parametrize("invalid", [0.0, -1.0, math.inf, math.nan])
def test_whatever_is_no_reading_becomes_nan_also_where_it_is_the_only_kind(invalid):
    depth = np.array([[1.5, invalid]], np.float32)
    np.testing.assert_array_equal(only_readings(depth), [[1.5, np.nan]])
