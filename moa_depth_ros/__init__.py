"""Metric depth from one colour camera: the MoA-DepthCLIP network, an estimator, a ROS 2 node."""

__version__ = "0.1.0"
