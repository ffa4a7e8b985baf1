"""What is done with a depth map: limits, smoothing, point clouds."""
