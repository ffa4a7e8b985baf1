"""Metric depth from one colour camera: the MoA-DepthCLIP network, an estimator, a ROS 2 node."""
