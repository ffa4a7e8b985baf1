"""Makes and judges a network. Knows no ROS; the robot never imports it."""
