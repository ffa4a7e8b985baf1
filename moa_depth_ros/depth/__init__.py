"""What is made of a depth map: limits, smoothing, point clouds."""
