"""Trains and evaluates a network. Independent of ROS; the robot never imports it."""
