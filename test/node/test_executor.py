"""Which thread calls what."""

import threading
import time

import pytest
from rcl_interfaces.srv import ListParameters
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from std_msgs.msg import Header

from moa_depth_ros.ros.executor import ServicesAsideExecutor

PATIENCE = 20.0


@pytest.fixture
def node(ros):
    made = Node("called", namespace="/executor")
    yield made
    made.destroy_node()


@pytest.fixture
def executor(node):
    made = ServicesAsideExecutor()
    made.add_node(node)
    yield made
    made.shutdown()


def spin_until(executor, condition):
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit
        executor.spin_once(timeout_sec=0.05)


def test_a_service_that_takes_long_holds_up_neither_subscriptions_nor_timers(node, executor):
    """As one that loads a model; subscriptions and timers are called by the thread that spins."""
    go_on, entered, threads = threading.Event(), threading.Event(), []

    def hold(request, response):
        entered.set()
        assert go_on.wait(PATIENCE)
        return response

    group = ReentrantCallbackGroup()
    node.create_service(ListParameters, "hold", hold)
    call = node.create_client(ListParameters, "hold").call_async(ListParameters.Request())
    spin_until(executor, entered.is_set)

    def called(*message):
        threads.append((bool(message), threading.get_ident()))

    node.create_subscription(Header, "header", called, 1, callback_group=group)
    publisher = node.create_publisher(Header, "header", 1)
    node.create_timer(0.05, lambda: (called(), publisher.publish(Header())), callback_group=group)
    here = threading.get_ident()
    spin_until(executor, lambda: {(True, here), (False, here)} <= set(threads))
    assert {thread for _, thread in threads} == {here}
    assert not call.done()
    go_on.set()
    spin_until(executor, call.done)


def test_a_subscription_that_is_gone_when_its_message_is_taken_is_passed_over(node, executor):
    """A transition in another thread may destroy it in between."""
    gone = node.create_subscription(Header, "gone", print, 1)
    node.destroy_subscription(gone)
    assert executor._take_subscription(gone) is None


def test_what_a_callback_raises_comes_out_where_the_node_spins(node, executor):
    def fail():
        raise KeyError("of a timer")

    node.create_timer(0.01, fail)
    with pytest.raises(KeyError, match="of a timer"):
        spin_until(executor, lambda: False)


def test_what_a_service_raises_comes_out_too(node, executor):
    def fail(request, response):
        raise KeyError("of a service")

    node.create_service(ListParameters, "fail", fail)
    client = node.create_client(ListParameters, "fail")
    client.call_async(ListParameters.Request())
    with pytest.raises(KeyError, match="of a service"):
        spin_until(executor, lambda: False)
