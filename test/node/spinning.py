"""The node in this process, for tests that watch or block its estimator."""

import threading
from contextlib import contextmanager

from rclpy.parameter import Parameter

from moa_depth_ros.ros.depth_node import DepthNode
from moa_depth_ros.ros.executor import ServiceThreadExecutor


@contextmanager
def spinning_node(make_estimator, namespace, parameters):
    """An active node, which spins in a thread, as in the program."""
    overrides = [Parameter(name, value=value) for name, value in parameters.items()]
    node = DepthNode(make_estimator, namespace=namespace, parameter_overrides=overrides)
    assert node.start()
    executor = ServiceThreadExecutor()
    executor.add_node(node)
    ending = threading.Event()

    def spin():
        while not ending.is_set():
            executor.spin_once(timeout_sec=0.1)

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        yield node
    finally:
        ending.set()
        thread.join()
        executor.shutdown()
        node.close()
