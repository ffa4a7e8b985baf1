"""Which thread calls which callbacks."""

import threading
import time

import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import ListParameters, SetParameters
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from std_msgs.msg import Header

from moa_depth_ros.ros.executor import ServiceThreadExecutor

PATIENCE = 20.0


@pytest.fixture
def node(ros):
    made = Node("called", namespace="/executor")
    yield made
    made.destroy_node()


@pytest.fixture
def executor(node):
    made = ServiceThreadExecutor()
    made.add_node(node)
    yield made
    made.shutdown()


def spin_until(executor, condition):
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit
        executor.spin_once(timeout_sec=0.05)


def test_a_service_that_takes_long_holds_up_neither_subscriptions_nor_timers(node, executor):
    """Like one that loads a model; the thread that spins calls subscriptions and timers."""
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
    """A transition in another thread may destroy it in the meantime."""
    gone = node.create_subscription(Header, "gone", lambda msg: None, 1)
    node.destroy_subscription(gone)
    assert executor._take_subscription(gone) is None


def test_what_a_callback_raises_comes_out_where_the_node_spins(node, executor):
    def fail():
        raise KeyError("of a timer")

    node.create_timer(0.01, fail)
    with pytest.raises(KeyError, match="of a timer"):
        spin_until(executor, lambda: False)


def test_a_request_that_rclpy_cannot_read_is_logged_and_the_next_one_answered(
    node, executor, capfd
):
    malformed = Parameter(name="any", value=ParameterValue(type=42))
    setter = node.create_client(SetParameters, "called/set_parameters")
    setter.call_async(SetParameters.Request(parameters=[malformed]))
    said = []
    spin_until(executor, lambda: said.append(capfd.readouterr().err) or "Traceback" in said[-1])
    assert "A service failed: " in said[-1]
    lister = node.create_client(ListParameters, "called/list_parameters")
    spin_until(executor, lister.call_async(ListParameters.Request()).done)


def test_the_end_waits_for_a_service_no_longer_than_asked(node, executor):
    go_on, entered, ended = threading.Event(), threading.Event(), threading.Event()

    def hold(request, response):
        entered.set()
        assert go_on.wait(PATIENCE)
        ended.set()
        return response

    node.create_service(ListParameters, "hold", hold)
    node.create_client(ListParameters, "hold").call_async(ListParameters.Request())
    spin_until(executor, entered.is_set)
    assert not executor.shutdown(0.05)
    go_on.set()
    assert executor.shutdown()
    assert ended.is_set()
