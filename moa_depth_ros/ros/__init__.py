"""What the ROS 2 node is made of: messages, parameters, the worker, diagnostics."""
