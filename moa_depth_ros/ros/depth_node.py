"""The node: its lifecycle, its parameters and its reports. Images are processed by `Pipeline`."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node

from moa_depth_ros.estimator import DepthEstimator
from moa_depth_ros.estimator.estimator_slot import EstimatorSlot, MakeEstimator, ModelChoice
from moa_depth_ros.ros import parameters
from moa_depth_ros.ros.camera import Camera
from moa_depth_ros.ros.diagnostics import diagnostic_array
from moa_depth_ros.ros.outputs import Outputs
from moa_depth_ros.ros.pipeline import Pipeline

END_SECONDS = 5.0  # how long a transition, or the node's end, waits for an image


class DepthNode(LifecycleNode):
    """Depth of each camera's newest image, as long as there are subscribers; a managed node.

    Configuring loads the model, warms up and offers the outputs: ``~/depth``, ``~/points``,
    ``~/camera_info`` and ``~/uncertainty``. Activating subscribes to ``image`` and to the
    ``camera_info`` beside it (both can be remapped); deactivating unsubscribes. Cleaning up frees
    the model and the device's memory. ``/diagnostics`` is published in every state, with one status
    per camera. Cameras named by the parameter ``cameras`` have topics of their own.

    Transitions and parameter services share the node's default callback group; images and reports
    have another one. With an executor that runs services in threads of their own, such as
    `ServiceThreadExecutor`, images and reports go on while a model loads.

    Args:
        make_estimator: makes an estimator from model folder, device and precision.
        options: of `rclpy.node.Node`.

    Raises:
        ParameterError: a parameter that the node can't start with.
    """

    def __init__(self, make_estimator: MakeEstimator = DepthEstimator, **options) -> None:
        try:
            super().__init__(
                "moa_depth", automatically_declare_parameters_from_overrides=True, **options
            )
        except ValueError as error:
            raise parameters.ParameterError(
                f"A parameter is an empty list or has no value, so ROS can't tell its type: {error}"
            ) from error
        self._group = MutuallyExclusiveCallbackGroup()
        self._estimators = EstimatorSlot(self.get_logger().warning, make_estimator)
        self._qos_overrides = parameters.declare(self, self._reload)
        names = self.get_parameter("cameras").value
        self._cameras = [Camera(self, name, self._group) for name in names]
        self._pipeline: Pipeline | None = None  # while the node is active
        self._hanging: Pipeline | None = None  # the one before, if its last image hangs
        self._failed = ""  # why configuring or activating last failed, until one succeeds
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 1)
        # With a clock of its own: simulated time may stand still, or never have started.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0, self._report, callback_group=self._group, clock=steady)

    def start(self) -> bool:
        """Configure and activate, as ``autostart`` asks. False if that failed; the log says why."""
        success = TransitionCallbackReturn.SUCCESS
        return self.trigger_configure() == success and self.trigger_activate() == success

    def close(self, timeout: float = END_SECONDS) -> bool:
        """Leave the graph. False if an image is still at work after the timeout, in seconds."""
        pipeline = self._pipeline  # a transition that is still running may remove it
        ended = pipeline is None or pipeline.stop(timeout)
        self.destroy_node()
        # rclpy leaves these to the garbage collector, which does not run when the program ends:
        # others would see the node for another 20 s, and its shared memory would stay for good.
        for kept in (self._state_machine, _type_descriptions_of(self)):
            if kept is not None:
                kept.destroy_when_not_in_use()
        return ended

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model that the parameters name. Failure leaves the node unconfigured: correct
        the parameter and try again."""
        try:
            fallback = self.get_parameter("fallback_to_cpu").value
            self._estimators.load(parameters.model_choice(self), fallback)
            for camera in self._cameras:
                camera.outputs = Outputs(self, camera.name)
        except Exception as error:  # from a model; or from rclpy, of any class, about QoS overrides
            self._release()
            return self._failure(error)
        self._failed = ""
        if not self.get_parameter("model").value:
            self.get_logger().warning(
                "No model was given: the demo model was trained only on rendered rooms, and its "
                "depth is not usable on real images. Set the parameter model to another folder."
            )
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and process what arrives."""
        self._pipeline = Pipeline(self, self._estimators, self._cameras)
        try:
            self._pipeline.start()
        except Exception as error:  # rclpy's, about QoS overrides
            self._stop()
            return self._failure(error)
        self._failed = ""
        unused = [name for name in self._qos_overrides if not self.has_parameter(name)]
        if unused:
            self.get_logger().warning(
                f"Ignored QoS overrides that match no topic: {', '.join(unused)}."
            )
        sources = "; ".join(str(camera.inputs) for camera in self._cameras)
        self.get_logger().info(f"{self._estimators.current}; {sources}.")
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe; the model stays loaded."""
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free outputs, model and the device's memory. Failure leaves the node inactive: an image
        is still being processed."""
        try:
            self._release()
        except TimeoutError as error:
            return self._failure(error)
        self._failed = ""
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, from any state; what a hung device holds is freed when the process
        ends."""
        with suppress(TimeoutError):
            self._release()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """After an exception in a transition: free everything and become unconfigured."""
        self.get_logger().error(f"A transition from {state.label} failed; now unconfigured.")
        with suppress(TimeoutError):
            self._release()
        return super().on_error(state)

    def _failure(self, error: Exception) -> TransitionCallbackReturn:
        self._failed = str(error) or type(error).__name__
        for camera in self._cameras:
            camera.statistics.error(self._failed)
        self.get_logger().error(self._failed)
        return TransitionCallbackReturn.FAILURE

    def _stop(self) -> None:
        if self._pipeline is None:
            return
        self._hanging = None if self._pipeline.stop(END_SECONDS) else self._pipeline
        self._pipeline = None
        if self._hanging:
            self.get_logger().warning(
                "An image is still being processed; its depth will not be published."
            )

    def _release(self) -> None:
        """Raises TimeoutError, and leaves everything as it is, if an image does not finish."""
        self._stop()
        self._estimators.clear(END_SECONDS)
        for camera in self._cameras:
            if camera.outputs is not None:
                camera.outputs.destroy()
                camera.outputs = None

    def _reload(self, choice: ModelChoice, asked: bool) -> str | None:
        """Replace the model, if one is loaded. Returns why it can't be, or None."""
        if self._estimators.current is None:
            return None  # configuring will load it
        if not (asked or self._estimators.notice):
            return None  # the current one is what was chosen
        try:
            self._estimators.load(choice)
        except (ValueError, RuntimeError) as error:
            return f"{str(error).rstrip('.')}. The current model stays in use."
        self.get_logger().info(f"{self._estimators.current} is now in use.")
        return None

    def _report(self) -> None:
        facts, pipeline, hanging = self._facts(), self._pipeline, self._hanging
        at_work = "An image is still being processed." if hanging and hanging.hangs else ""
        statuses = []
        for camera in self._cameras:
            if pipeline:
                camera.watch_for_silence()
            ratio = f"{pipeline.focal_ratio(camera):.3f}" if pipeline else ""
            statuses.append(
                camera.status(
                    {**facts, "focal length scale": ratio},
                    active=pipeline is not None,
                    notice=self._estimators.notice,
                    failure=self._failed or at_work,
                )
            )
        self._diagnostics.publish(diagnostic_array(self.get_clock().now().to_msg(), statuses))

    def _facts(self) -> dict[str, str]:
        estimator = self._estimators.current
        return {
            "model": str(estimator.model) if estimator else "",
            "device": str(estimator.device) if estimator else "",
            "precision": estimator.precision if estimator else "",
            **self._estimators.memory(),
        }


def _type_descriptions_of(node: Node) -> Any:
    """The C++ part of rclpy's service, which not every release destroys with the node (Lyrical's
    first, 10.0.9 and 10.0.10, don't). None if it was destroyed, or if there is none (Humble)."""
    service = getattr(node, "_type_description_service", None)
    return getattr(service, "_type_description_srv", None)
