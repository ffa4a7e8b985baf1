"""Command line of the trainer: ``python -m training.train [--config FILE] [--key value ...]``.

Without ``--config``, it runs the paper's recipe on NYU Depth V2 in ``data/nyu``. A run's folder
(``--output``) holds ``checkpoints/``, ``logs/`` (TensorBoard and CSV, with the configuration),
``panels/`` (images of every validation) and, at the end, ``model/``: what a robot needs. If a share
of the training images is held out, ``best/`` is the same from the epoch that was best on them.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import shutil
import sys
import warnings
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, Literal, Union

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities.rank_zero import rank_zero_info, rank_zero_only

from moa_depth_ros.machine.allocator import keep_freed_memory
from moa_depth_ros.machine.file_names import printable
from moa_depth_ros.machine.plain_warnings import warn_in_lines
from moa_depth_ros.machine.whole_file import whole_file
from moa_depth_ros.network import save_network
from training.alone import alone_in
from training.callbacks.best import KeepBest
from training.callbacks.epoch_checkpoints import EpochCheckpoints
from training.callbacks.non_finite import StopOnNonFiniteLoss
from training.callbacks.panels import PicturePanels
from training.callbacks.progress import RunProgressBar
from training.callbacks.resumption import ResumeAfterEpoch
from training.callbacks.throughput import PicturesPerSecond
from training.checkpoints import AtomicCheckpointIO, BackgroundCheckpointIO, newest
from training.command_line import exit_code
from training.data.data_module import DepthDataModule
from training.errors import TrainingError
from training.module import DepthModule
from training.precision import computes_on_gpu, default_precision
from training.provenance import provenance
from training.refusals import (
    check_configs,
    check_intervals,
    check_output,
    check_validation,
    resume_from,
)

DESCRIPTION = (
    "Train MoA-DepthCLIP. Without --config, this runs the paper's recipe on NYU Depth V2 in "
    "data/nyu. config/training has other recipes (demo.yaml, finetune.yaml), and hires.yaml and "
    "stand_in.yaml, which override keys of a recipe given before them. --print_config shows every "
    "key with its value; docs/training.md explains more."
)
DEFAULT_CONFIG = Path(__file__).parents[1] / "config" / "training" / "paper.yaml"


class TrainingCLI(LightningCLI):
    """Lightning's command line with a run folder, checkpoints and loggers already set up."""

    best: KeepBest | None = None
    logs: Path | None = None  # of this start of the run, if they are the default ones

    def parse_arguments(self, parser: LightningArgumentParser, args: Sequence[str] | None) -> None:
        """Read the configurations named anywhere on the command line, or the paper's, and the rest
        of it over them.

        Raises:
            TrainingError: a file is not a configuration, or only overrides another one, which is
                missing.
        """
        configs, args = configs_of(sys.argv[1:] if args is None else args)
        check_configs(configs, any(arg.split("=")[0] == "--data" for arg in args))
        named = (text for path in configs or [str(DEFAULT_CONFIG)] for text in ("--config", path))
        _take_whole_numbers(parser)
        self.config = parser.parse_args([*named, *args])

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The run's own arguments."""
        parser.add_argument("--output", type=str, default="runs/default", help="folder of the run")
        parser.add_argument(
            "--ckpt_path",
            type=str | None,
            default=None,
            help="checkpoint to resume from, or 'last' for the newest of this run, if there is one",
        )
        parser.add_argument(
            "--model_dtype",
            type=Literal["float32", "float16"],
            default="float32",
            help="number format of the weights in the model folder",
        )
        parser.add_argument(
            "--held_out",
            type=float,
            default=0.0,
            help="share of the training images to hold out, in whole recordings, to choose the "
            "best epoch by; 0 validates on the test split and chooses nothing",
        )
        parser.set_defaults({"trainer.devices": 1})  # more of them change what a recipe gives

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return Path(self.config.output).expanduser()

    def before_instantiate_classes(self) -> None:
        """Determine what to resume from, before anything slow starts, and the precision.

        Raises:
            TrainingError: an output or an interval is invalid; images are held out, but nothing is
                validated on them.
            CheckpointError: there is nothing to resume from, or a run that is not to be resumed.
        """
        check_output(self.config.output)
        self.checkpoint = resume_from(self.config.ckpt_path, self.folder)
        trainer = self.config.trainer
        check_intervals(trainer)
        if self.config.held_out:
            check_validation(trainer, self.config.held_out)
        if trainer.precision is None:
            trainer.precision = default_precision(trainer.accelerator)
            rank_zero_info(f"precision: {trainer.precision}")

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The configured trainer with the run folder's loggers and checkpoints."""
        tensorboard = TensorBoardLogger(self.folder, name="logs")
        csv = CSVLogger(tensorboard.root_dir, name=f"version_{tensorboard.version}", version="csv")
        config = {**self.config_init.trainer, **kwargs}
        if config["logger"] is None:
            config["logger"] = [tensorboard, csv]
            self.logs = Path(tensorboard.log_dir)
        config["default_root_dir"] = config["default_root_dir"] or self.folder
        # On a CPU, an epoch takes so much longer than its checkpoint that nothing would be gained.
        on_gpu = computes_on_gpu(config["accelerator"])
        checkpoint_io = BackgroundCheckpointIO() if on_gpu else AtomicCheckpointIO()
        config["plugins"] = [*(config["plugins"] or []), checkpoint_io]
        checkpoints = self.folder / "checkpoints"
        callbacks = [
            ResumeAfterEpoch(),
            PicturesPerSecond(),
            StopOnNonFiniteLoss(self.folder / "non_finite", checkpoints),
            PicturePanels(self.folder / "panels"),
        ]
        if config["logger"]:
            callbacks.append(LearningRateMonitor("step"))
        if config["enable_progress_bar"] is not False:
            callbacks.append(RunProgressBar())
        if self.config.held_out:
            self.best = KeepBest(checkpoints, self.config.held_out)
            callbacks.append(self.best)
        # After the choice of the best, which the epoch's checkpoint must include.
        callbacks.append(EpochCheckpoints(checkpoints))
        return self._instantiate_trainer(config, callbacks)

    def fit(self) -> None:
        """Train, then write the model folder of the last epoch, and that of the best.

        Raises:
            TrainingError: another process trains into the same folder, or something ends the run.
        """
        first = rank_zero_only.rank == 0  # of the processes that train together
        with alone_in(self.folder, "train") if first else nullcontext():
            # Set here, not passed to fit(), so that the module sees it when it builds the network.
            self.trainer.ckpt_path = self.checkpoint
            try:
                self.trainer.fit(self.model, self.datamodule, weights_only=True)
            except SystemExit as error:  # what Lightning makes of Ctrl-C
                raise self._interruption() from error
            finally:
                if first:
                    self._remove_empty_logs()
            if first and not self.trainer.fast_dev_run:
                self._save()

    def _remove_empty_logs(self) -> None:
        """Remove the logs of a run that was refused before its first batch."""
        batches = self.trainer.fit_loop.epoch_loop.batch_progress.total.ready
        if self.logs is not None and not batches:
            shutil.rmtree(self.logs, ignore_errors=True)
            with suppress(OSError):  # it has others
                self.logs.parent.rmdir()

    def _save(self) -> None:
        """Write the models, then print where they are: standard output may be closed."""
        if not self.trainer.global_step:
            raise TrainingError("the run ended without a training step: no model is written")
        try:
            said = [self._save_model("model")]
            self._save_provenance()
            if self.best is not None:
                said += self._save_best()
        except OSError as error:
            raise TrainingError(
                f"{self.folder}: the model can't be written ({error}); once there is room, the "
                "same command with --ckpt_path last writes it"
            ) from error
        print(printable("\n".join(said)))

    def _save_best(self) -> list[str]:
        """What to print about it."""
        if self.best.least == math.inf:
            return ["no best epoch: no complete epoch was validated with a finite AbsRel"]
        best = AtomicCheckpointIO().load_checkpoint(self.best.path)
        self.model.load_state_dict(best["state_dict"])
        chosen = f"best epoch: {self.best.epoch}, val/fused/abs_rel {self.best.least:.4f}"
        return [chosen, self._save_model("best")]

    def _save_provenance(self) -> None:
        found = {
            **provenance(self.trainer.strategy.root_device),
            "epochs": self.trainer.current_epoch - (not self.trainer.is_last_batch),
            "steps": self.trainer.global_step,
            "training pictures": len(self.datamodule.train_set),
            "validation pictures": len(self.datamodule.val_set),
        }
        with whole_file(self.folder / "provenance.json") as unfinished:
            unfinished.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")

    def _interruption(self) -> KeyboardInterrupt:
        if newest(self.folder / "checkpoints") is None:
            return KeyboardInterrupt("there is no checkpoint yet")
        return KeyboardInterrupt("the same command with --ckpt_path last resumes it")

    def _save_model(self, name: str) -> str:
        """What to print about it."""
        dtype = getattr(torch, self.config.model_dtype)
        save_network(self.model.network, self.folder / name, self.model.network_camera, dtype)
        return f"model folder: {self.folder / name}"


def _take_whole_numbers(parser: LightningArgumentParser) -> None:
    """Let ``--trainer.limit_train_batches 1`` mean one batch. Lightning declares int or float;
    Python takes that for float or int if it has seen that type before, and then 1 means all."""
    for action in parser._actions:
        if action.dest.startswith("trainer.limit_"):
            action._typehint = Union[int, float, None]  # noqa: UP007 - its order matters


def configs_of(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """The configuration files that a command line names, and its other arguments."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-c", "--config", action="append", default=[])
    found, others = parser.parse_known_args(args)
    return found.config, others


def _no_advertisement(record: logging.LogRecord) -> bool:
    return "litlogger" not in record.getMessage()


def main(args: Sequence[str] | None = None) -> int:
    """Train as the arguments say; the exit code is 0, or 1 after a message on standard error."""
    keep_freed_memory()
    warn_in_lines()
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_no_advertisement)
    # Lightning can't know that the loss of a step is already that of all processes.
    warnings.filterwarnings("ignore", r"It is recommended to use `self\.log\('train/")
    warnings.filterwarnings("ignore", r"`isinstance\(treespec", FutureWarning)  # Lightning's own
    return exit_code(lambda: _fit(args))


def _fit(args: Sequence[str] | None) -> None:
    try:
        _command_line(args).fit()
    except MisconfigurationException as error:  # such as a device that doesn't exist
        raise TrainingError(f"trainer: {error}") from error
    except ValueError as error:
        if "val_check_interval" in str(error):  # beyond an epoch, whose length is known by now
            raise TrainingError(f"trainer: {error}") from error
        raise


def _command_line(args: Sequence[str] | None) -> TrainingCLI:
    try:
        return TrainingCLI(
            DepthModule,
            DepthDataModule,
            subclass_mode_data=True,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            parser_kwargs={
                "allow_abbrev": False,
                "prog": "python -m training.train",
                # All keys would hide an error behind a hundred lines; --help lists them.
                "usage": "%(prog)s [--config FILE ...] [--key value ...]",
                "description": DESCRIPTION,
            },
            save_config_kwargs={"overwrite": True},  # where a run without a logger is resumed
            run=False,
            args=args,
        )
    except ValueError as error:  # contradictory values in a configuration
        if isinstance(error.__cause__, TrainingError):  # jsonargparse wraps the data's errors
            raise error.__cause__ from None
        raise TrainingError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
