"""Checks that refuse a training run before its first step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace, get_loader
from lightning.pytorch.utilities.rank_zero import rank_zero_info

from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.network import NetworkConfig
from training.checkpoints import newest, newest_whole
from training.errors import CheckpointError, TrainingError

_SAME_LENS = 1e-3  # of the logarithm of two focal lengths' ratio


def check_configs(paths: Sequence[str], data_named: bool) -> None:
    """Refuse files that are not configurations, or none of which says what the data are.

    Args:
        paths: of the files.
        data_named: whether the command line says what the data are.

    Raises:
        TrainingError: naming them.
    """
    if not paths or not all(Path(path).is_file() for path in paths):
        return  # which the parser reports
    contents = [_content(Path(path)) for path in paths]
    if not data_named and not any("data" in content for content in contents):
        raise TrainingError(
            f"--config: {', '.join(paths)}: only overrides keys of another configuration, which "
            "says what the data are; name that one first, such as --config "
            "config/training/paper.yaml"
        )


def _content(path: Path) -> dict[str, Any]:
    try:
        content = get_loader("yaml")(path.read_text(encoding="utf-8"))  # as the parser reads it
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise TrainingError(f"--config: {path}: expected YAML in UTF-8: {reason}") from error
    if not isinstance(content, dict):
        found = "an empty file" if content is None else f"{content!r:.40}"
        raise TrainingError(f"--config: {path}: expected keys and values, found {found}")
    return content


def check_output(folder: str) -> None:
    """Refuse an invalid name of a run's folder.

    Raises:
        TrainingError: it is empty, or is in the home of a user that has none.
    """
    try:
        Path(folder).expanduser()
    except RuntimeError as error:
        raise TrainingError(f"output: {error}: {folder!r}") from error
    if not folder:
        raise TrainingError("output: expected a folder, found ''")


def check_intervals(trainer: Namespace) -> None:
    """Refuse intervals of 0, by which Lightning would divide, and negative ones.

    Raises:
        TrainingError: naming the option.
    """
    for name in ("accumulate_grad_batches", "check_val_every_n_epoch"):
        if trainer[name] is not None and trainer[name] < 1:
            raise TrainingError(f"trainer.{name}: expected at least 1, found {trainer[name]}")
    interval = trainer.val_check_interval
    if isinstance(interval, (int, float)) and interval <= 0:
        raise TrainingError(f"trainer.val_check_interval: expected above 0, found {interval}")


def check_validation(trainer: Namespace, held_out: float) -> None:
    """Refuse a run that holds images out, but never validates on them.

    Raises:
        TrainingError: naming the option.
    """
    epochs = trainer.max_epochs or -1
    if trainer.limit_val_batches == 0:
        key, expected = "limit_val_batches", "more than 0"
    elif epochs > 0 and (trainer.check_val_every_n_epoch or 1) > epochs:
        key, expected = "check_val_every_n_epoch", f"at most {epochs}, the number of epochs"
    else:
        return
    raise TrainingError(
        f"trainer.{key}: expected {expected}, because held_out ({held_out:g}) chooses the best "
        f"epoch by validation; found {trainer[key]:g}"
    )


def resume_from(ckpt_path: str | None, folder: Path) -> Path | None:
    """The checkpoint that a run in this folder resumes from, if asked to. ``last`` also allows that
    there is none yet, so that a cluster can start a job again with the same command.

    Raises:
        CheckpointError: there is none, or the folder has a run that was not asked to be resumed.
    """
    checkpoints = folder / "checkpoints"
    if ckpt_path not in (None, "last"):
        if not Path(ckpt_path).is_file():
            raise CheckpointError(f"{ckpt_path}: no such checkpoint")
        return Path(ckpt_path)
    begun = newest(checkpoints) is not None
    if begun and ckpt_path == "last":
        return newest_whole(checkpoints)
    if begun:
        raise CheckpointError(
            f"{checkpoints}: already has checkpoints of a run; resume it with --ckpt_path last, "
            f"start another with --output, or remove {folder}"
        )
    for model in (folder / "model", folder / "best"):
        if model.is_dir():
            raise CheckpointError(
                f"{model}: already exists; start another run with --output, or remove {folder}"
            )
    if ckpt_path == "last":
        rank_zero_info(f"{checkpoints}: no checkpoint yet, the run starts from the beginning")
    return None


def check_resumption(
    checkpoint: Mapping[str, Any], network: NetworkConfig, camera: Intrinsics, schedule: str
) -> None:
    """Refuse a checkpoint of another network, camera or schedule, or with weights only.

    Args:
        checkpoint: what was loaded.
        network: what is trained.
        camera: that the network's depth is right for.
        schedule: of the learning rate.

    Raises:
        CheckpointError: naming what differs.
    """
    if "optimizer_states" not in checkpoint:
        raise CheckpointError(
            "ckpt_path: expected the checkpoint of an epoch, found only weights, as in best.ckpt; "
            "resume with --ckpt_path last, or start another run from their model folder (best/) "
            "with --model.init_from"
        )
    found = checkpoint.get("network", {})
    differences = [
        f"{key}: expected {value!r}, found {found.get(key)!r}"
        for key, value in network.to_dict().items()
        if key != "pretrained" and found.get(key) != value
    ]
    if differences:
        raise CheckpointError("checkpoint of another network: " + "; ".join(differences))
    began = Intrinsics(**checkpoint["camera"])
    if abs(math.log(camera.focal_ratio(began))) > _SAME_LENS:
        raise CheckpointError(
            f"camera: expected {began}, with which the run began, found {camera}: resume with "
            "the same data, and the same model.init_from if there was one, or start another "
            "run with --output"
        )
    if checkpoint.get("schedule") != schedule:
        raise CheckpointError(
            f"model.optimiser.schedule: expected {checkpoint.get('schedule')}, with which the "
            f"run began, found {schedule}; resume with the former, or start another run with "
            "--output"
        )
