"""One training step, one validation step, and what is logged."""

from __future__ import annotations

import dataclasses
from typing import Any

import lightning as L
from lightning.pytorch.utilities.rank_zero import rank_zero_warn
from torch import Tensor, nn
from torch.optim import Optimizer

from moa_depth_ros.intrinsics import NYU_KINECT, Intrinsics
from moa_depth_ros.network import MoADepthClip, NetworkConfig, Prediction
from training.augmentation import Augmentation, augment, draw_numbers
from training.compilation import CompileMode, check_compilation, fill_up
from training.depth_maps import DECODERS, depths_of
from training.errors import TrainingError
from training.gates import GateStatistics, watch_gates
from training.graphed_step import GraphedStep
from training.losses import LossConfig, LossTerms, composite_loss
from training.metrics import MAX_DEPTH, Crop, DepthMetrics, pixel_sums
from training.optimiser import OptimiserConfig, optimiser_of
from training.refusals import check_resumption
from training.resizing import prepare_depth, prepare_pictures, resize_depth
from training.weights import build_network, network_to_finetune


class DepthModule(L.LightningModule):
    """MoA-DepthCLIP with its loss, metrics and optimiser.

    The network is built when the trainer asks for it, after the data have been checked. When a run
    is resumed, the checkpoint has all weights, so the pretrained ones are not needed again.

    Args:
        network: structure of the network.
        loss: weights and forms of the loss.
        optimiser: the paper's by default.
        augmentation: of the training images.
        crop: part of the image that validation evaluates.
        init_from: model folder to start from instead of CLIP's weights. It defines the structure
            of the network; leave out ``network`` then.
        compile: ``cuda-graph`` replays training steps as CUDA graphs; the others are modes of
            ``torch.compile`` for the network's part of the step. Parameter names in checkpoints
            stay the same.

    Attributes:
        network: the network.
        camera: of the training images.
        known_camera: for a network from a model folder, the camera that its depth is right for:
            it keeps that camera's scale, or all that it knows of distance would be wrong from the
            first step on.

    Raises:
        WeightsError: the model folder is missing or damaged.
        TrainingError: ``network`` contradicts it.
    """

    network: MoADepthClip
    camera: Intrinsics = NYU_KINECT
    known_camera: Intrinsics | None = None

    def __init__(
        self,
        network: NetworkConfig = NetworkConfig(),  # noqa: B008 - frozen
        loss: LossConfig = LossConfig(),  # noqa: B008
        optimiser: OptimiserConfig = OptimiserConfig(),  # noqa: B008
        augmentation: Augmentation = Augmentation(),  # noqa: B008
        crop: Crop = "eigen",
        init_from: str | None = None,
        compile: CompileMode | None = None,
    ):
        super().__init__()
        if init_from is not None:
            self.network, self.known_camera = network_to_finetune(init_from)
            self.network.train()
            network = _agreed(network, self.network.config, init_from)
        if network.max_depth > MAX_DEPTH:
            rank_zero_warn(
                f"network.max_depth is {network.max_depth:g} m, but the evaluation ends at "
                f"{MAX_DEPTH:g} m: validation, the choice of the best epoch and training.evaluate "
                "leave out farther pixels and clip farther predictions"
            )
        self.network_config = network
        self.loss_config = loss
        self.optimiser_config = optimiser
        self.augmentation = augmentation
        self.crop = crop
        self.compile_mode = compile
        self._graphed: GraphedStep | None = None
        self.metrics = nn.ModuleDict({name: DepthMetrics() for name in DECODERS})
        self.gates = nn.ModuleDict(
            {str(block): GateStatistics(network.num_experts) for block in network.moa_layers}
        )

    def configure_model(self) -> None:
        """Build the network once, and compile it if asked.

        Raises:
            WeightsError, TrainingError: as :func:`training.weights.build_network`.
            TrainingError: CUDA graphs are asked for where they can't be used.
        """
        if not hasattr(self, "network"):
            config = self.network_config
            if self.trainer.ckpt_path is not None:
                config = dataclasses.replace(config, pretrained=None)
            self.network = build_network(config).train()
            self.network.config = self.network_config
        if self.compile_mode is not None:
            check_compilation(self.compile_mode, self.trainer)
        if self.compile_mode == "cuda-graph":
            learning = [p for p in self.network.parameters() if p.requires_grad]
            self._graphed = GraphedStep(self.training_terms, learning)
        elif self.compile_mode is not None:
            self.network.compile(mode=self.compile_mode)

    def configure_optimizers(self) -> Any:
        """AdamW over the trainable parameters.

        Raises:
            TrainingError: a schedule for a run without an end.
        """
        learning = [p for p in self.network.parameters() if p.requires_grad]
        return optimiser_of(learning, self.optimiser_config, self._trainer)

    def on_fit_start(self) -> None:
        """Note which camera took the images."""
        if self.trainer.datamodule is not None:
            self.camera = self.trainer.datamodule.camera

    @property
    def focal_ratio(self) -> float:
        """Factor of the network's depth, as the node applies it; 1 for a new network."""
        return 1.0 if self.known_camera is None else self.camera.focal_ratio(self.known_camera)

    @property
    def network_camera(self) -> Intrinsics:
        """The camera for which the network's depth needs no factor."""
        return self.known_camera or self.camera

    def on_train_start(self) -> None:
        """Apply the configured learning rate and decay if a checkpoint brought others."""
        config = self.optimiser_config
        for group in self.trainer.optimizers[0].param_groups:
            before = group.get("initial_lr", group["lr"])  # the former if there is a schedule
            if before != config.lr:
                group["lr"] = config.lr * (group["lr"] / before if before else 1.0)
                group["initial_lr"] = config.lr
            group["weight_decay"] = config.weight_decay
        for found in self.trainer.lr_scheduler_configs:
            found.scheduler.base_lrs = [config.lr] * len(found.scheduler.base_lrs)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """The weighted loss of a batch."""
        pictures, label = self.training_inputs(batch)
        if self.compile_mode is not None:
            pictures, label = fill_up(pictures, label, self.trainer.datamodule.batch_size)
        step = self.training_terms if self._graphed is None else self._graphed.forward
        terms = step(pictures, label)
        self._log_terms("train", terms, len(batch["index"]))
        return terms.total

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Gradients of what :meth:`training_step` returned."""
        if self._graphed is None:
            super().backward(loss, *args, **kwargs)
        else:
            self._graphed.backward()

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: Optimizer) -> None:
        """Clear the last step's gradients; a graph overwrites its own."""
        if self._graphed is None:
            super().optimizer_zero_grad(epoch, batch_idx, optimizer)

    def training_inputs(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Images (B, 3, h, w) and depth (B, h, w) at the network's input size, augmented."""
        pictures, label = self._prepare(batch)
        numbers = draw_numbers(batch["index"], self.current_epoch, self.augmentation.seed)
        numbers = numbers.to(pictures.device, non_blocking=True)
        return augment(pictures, label, numbers, self.augmentation, self.camera)

    def training_terms(self, pictures: Tensor, label: Tensor) -> LossTerms:
        """The loss of what :meth:`training_inputs` returns."""
        return self._loss(self.network.decode(self.network(pictures)), label)

    def on_train_epoch_end(self) -> None:
        """Refuse to continue without labels.

        Raises:
            TrainingError: not one pixel of the epoch had a label.
        """
        # With labels, it would be 0 only if the network were certain of all, to the last bit.
        if self.trainer.callback_metrics["train/cross_entropy_epoch"] == 0:
            raise TrainingError(
                f"nothing was learned in epoch {self.current_epoch}: no training image has any "
                f"depth up to {self.network_config.max_depth:g} m; is the depth in another unit?"
            )

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """Evaluate the three depth maps at the size of the label, by the evaluation's protocol."""
        pictures, label = self._prepare(batch)
        # Not self.network(...): when compiled, it would ignore the hooks that watch the gates.
        with watch_gates(self.network.moa, self.gates):
            prediction = self.network.decode(self.network.forward(pictures))
        self._log_terms("val", self._loss(prediction, label), len(pictures))
        for name, depth in depths_of(prediction).items():
            resized = resize_depth(depth * self.focal_ratio, tuple(batch["depth"].shape[-2:]))
            self.metrics[name].update(pixel_sums(resized, batch["depth"], self.crop))

    def on_validation_epoch_end(self) -> None:
        """Log the averages over the images, and how the experts shared the work."""
        for name, metrics in self.metrics.items():
            for metric, value in metrics.compute().per_image.items():
                shown = (name, metric) == ("fused", "d1")
                self.log(f"val/{name}/{metric}", value, prog_bar=shown, sync_dist=True)
            metrics.reset()
        for block, statistics in self.gates.items():
            for key, value in statistics.compute().items():
                self.log(f"gates/{block}/{key}", value.float(), sync_dist=True)
            statistics.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the network's structure, its camera and the schedule in the checkpoint."""
        checkpoint["network"] = self.network_config.to_dict()
        checkpoint["camera"] = self.network_camera.to_dict()
        checkpoint["schedule"] = self.optimiser_config.schedule

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another network, schedule or camera, or with weights only.

        Raises:
            CheckpointError: naming what differs.
        """
        assert self.trainer.datamodule is not None
        camera = self.known_camera or self.trainer.datamodule.camera
        check_resumption(checkpoint, self.network_config, camera, self.optimiser_config.schedule)

    def _prepare(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Images (B, 3, h, w) and depth (B, h, w) at the network's input size, in the scale of the
        network's camera."""
        size = self.network_config.input_size
        depth = prepare_depth(batch["depth"], size) / self.focal_ratio
        return prepare_pictures(batch["picture"], size), depth

    def _loss(self, prediction: Prediction, depth: Tensor) -> LossTerms:
        bin_index = self.network.bins.index(depth)
        return composite_loss(
            prediction.logits,
            prediction.regressed,
            depth,
            bin_index,
            self.network_config.max_depth,
            self.loss_config,
        )

    def _log_terms(self, stage: str, terms: LossTerms, batch_size: int) -> None:
        training = stage == "train"
        named = {f"{stage}/{name}": value for name, value in terms._asdict().items()}
        total = named.pop(f"{stage}/total")
        # In a training step, every process already has the loss of all of them.
        options = {"on_step": training, "on_epoch": True, "sync_dist": not training}
        self.log_dict(named, batch_size=batch_size, **options)
        self.log(f"{stage}/loss", total, prog_bar=True, batch_size=batch_size, **options)


def _agreed(asked: NetworkConfig, found: NetworkConfig, folder: str) -> NetworkConfig:
    if asked not in (NetworkConfig(), found):
        raise TrainingError(
            f"network: expected nothing, because init_from ({folder}) defines the network's "
            f"structure; found {asked}"
        )
    return found
