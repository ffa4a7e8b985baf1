"""Make one row with one seed: train or build it, judge it, store the result."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from moa_depth_ros.machine.whole_file import whole_file
from training.alone import alone_in
from training.data.packed import is_shrunk_below
from training.depthclip import DepthClip
from training.errors import LostDetailError, TrainingError
from training.judging.baselines import baselines_of
from training.judging.judge import judge
from training.judging.output import averages_of, write_csv
from training.judging.predictors import UNNAMED, Predicted, Predictor, open_predictor
from training.precision import computes_on_gpu
from training.provenance import provenance
from training.tables.rows import NoNetwork, TableRow, Trained, ZeroShot
from training.tables.setting import OPENAI, Setting, flat
from training.weights import network_to_finetune

RESULT, RECIPE, PICTURES = "result.json", "recipe.json", "pictures.csv"
_ATTEMPTS = "attempts.json"
_STAND_IN_SEED = 0


def result_of(
    row: TableRow, seed: int | None, setting: Setting, output: Path, max_epochs: int | None
) -> dict[str, Any]:
    """The row's result; made now unless an earlier call finished it.

    Args:
        row: of a table.
        seed: of the training; a row that is not trained needs none.
        setting: data and weights.
        output: folder of all rows' folders.
        max_epochs: of the training; None for the configured number.

    Returns:
        ``figures``: by depth map what :func:`~training.judging.output.averages_of` gives;
        ``trainable``: number of trainable parameters; ``seconds``: of training; and
        ``provenance``: of each start of the training, and of the judging.

    Raises:
        WeightsError: the weights of a row that is not trained are missing.
        LostDetailError: the training images were packed smaller than the row's input.
        TrainingError: the training failed, the folder is of another recipe, one of its files is
            damaged, or another process is making the row.
    """
    if isinstance(row.method, Trained) and row.method.hires:
        _check_detail(setting)
    folder = _folder(row, seed, output)
    with alone_in(folder, "row"):
        return _result_in(folder, row, seed, setting, max_epochs)


def _result_in(
    folder: Path, row: TableRow, seed: int | None, setting: Setting, max_epochs: int | None
) -> dict[str, Any]:
    _claim(folder, _recipe(row, setting, max_epochs))
    path = folder / RESULT
    if path.is_file():
        return _read(path)
    if isinstance(row.method, Trained):
        _train(folder, setting, _arguments(row.method, setting, seed, max_epochs))
    device = _device("auto")
    attempts = _attempts(folder)
    result = {
        "figures": _judge(row, folder, setting, device),
        "trainable": _trainable(folder) if isinstance(row.method, Trained) else 0,
        "seconds": sum(attempt["seconds"] for attempt in attempts),
        "provenance": [*(attempt["provenance"] for attempt in attempts), provenance(device)],
    }
    _write(path, result)
    return result


def finished_results(
    row: TableRow, setting: Setting, output: Path, max_epochs: int | None
) -> dict[int | None, dict[str, Any]]:
    """What :func:`result_of` found earlier, in the order of the seeds.

    A row that is not trained has at most one result, under None.

    Raises:
        TrainingError: one of them, or an unfinished one, is of another recipe, or damaged.
    """
    recipe = _recipe(row, setting, max_epochs)
    results: dict[int | None, dict[str, Any]] = {}
    for seed, folder in _begun(row, output).items():
        _check_recipe(folder, recipe)
        if (folder / RESULT).is_file():
            results[seed] = _read(folder / RESULT)
    return results


def _begun(row: TableRow, output: Path) -> Mapping[int | None, Path]:
    """Folders of the row that have a recipe, by seed, in the order of the seeds."""
    if not isinstance(row.method, Trained):
        folder = _folder(row, None, output)
        return {None: folder} if (folder / RECIPE).is_file() else {}
    prefix = f"{row.run}-seed"
    folders = (path.parent for path in output.glob(f"{prefix}*/{RECIPE}"))
    seeds = ((folder.name.removeprefix(prefix), folder) for folder in folders)
    return dict(sorted((int(seed), folder) for seed, folder in seeds if seed.isdecimal()))


def _folder(row: TableRow, seed: int | None, output: Path) -> Path:
    return output / (f"{row.run}-seed{seed}" if isinstance(row.method, Trained) else row.run)


def _check_detail(setting: Setting) -> None:
    train, test = (setting.splits[name].size for name in ("train", "test"))
    if is_shrunk_below(train, test, setting.hires):
        raise LostDetailError(
            f"{setting.data}: the training images were packed at {train[1]}x{train[0]} pixels, "
            f"but the row's input is {setting.hires[1]}x{setting.hires[0]}; pack them without "
            "--size, and use another --output"
        )


def _claim(folder: Path, recipe: dict[str, Any]) -> None:
    """Store the recipe before anything is made by it, so that interrupted work is known, too."""
    if not (folder / RECIPE).is_file():
        _write(folder / RECIPE, recipe)
    _check_recipe(folder, recipe)


def _check_recipe(folder: Path, recipe: dict[str, Any]) -> None:
    found = _read(folder / RECIPE)
    differences = [
        f"{name}: expected {recipe.get(name)}, found {found.get(name)}"
        for name in sorted({*found, *recipe})
        if found.get(name) != recipe.get(name)
    ]
    if differences:
        raise TrainingError(
            f"{folder}: made by another recipe ({'; '.join(differences)}). Use the options it was "
            "made with, or another --output, or remove the folder"
        )


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # also for bytes that are not UTF-8
        raise TrainingError(f"{path}: expected JSON, found a damaged file; remove it") from error


def _write(path: Path, content: object) -> None:
    with whole_file(path) as unfinished:
        unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _recipe(row: TableRow, setting: Setting, max_epochs: int | None) -> dict[str, Any]:
    """All that decides the result, except the seed, by dotted names."""
    method = row.method
    recipe: dict[str, Any] = {"data": str(setting.data.resolve()), "content": setting.content}
    if not isinstance(method, NoNetwork):
        recipe["clip"] = setting.weights
    if isinstance(method, ZeroShot):
        words = dict(zip(method.words.words, method.words.depths, strict=True))
        recipe |= {"backbone": method.backbone, "words": words}
    if isinstance(method, Trained):
        recipe |= setting.configured | _changes(method, setting, max_epochs)
    return flat(recipe)


def _changes(method: Trained, setting: Setting, max_epochs: int | None) -> dict[str, Any]:
    """Values that override the configured ones, by their dotted names."""
    changes = dict(method.changes)
    if method.hires:
        changes["model.network.input_size"] = list(setting.hires)
    if max_epochs is not None:
        changes["trainer.max_epochs"] = max_epochs
    return changes


def _arguments(
    method: Trained, setting: Setting, seed: int | None, max_epochs: int | None
) -> Iterator[str]:
    for path in setting.configs:
        yield from ("--config", str(path))
    values = {"data.root": str(setting.data), **_changes(method, setting, max_epochs)}
    if setting.clip:
        values["model.network.pretrained"] = setting.clip
    for name in ("seed_everything", "data.seed", "model.augmentation.seed"):
        values[name] = seed
    for name, value in values.items():
        # The trainer would take quotes as part of the text.
        yield from (f"--{name}", value if isinstance(value, str) else json.dumps(value))


def _device(accelerator: str) -> torch.device:
    return torch.device("cuda" if computes_on_gpu(accelerator) else "cpu")


def _train(folder: Path, setting: Setting, arguments: Iterator[str]) -> None:
    """In its own process, so that memory and settings start afresh; resumes what was killed."""
    if (folder / "model" / "config.json").is_file():
        return
    command = [sys.executable, "-m", "training.train", *arguments, "--output", str(folder)]
    command += ["--ckpt_path", "last"]  # if there is any
    device = _device(setting.configured.get("trainer.accelerator", "auto"))
    earlier, attempt = _attempts(folder), {"seconds": 0.0, "provenance": provenance(device)}
    # Before the start, too: the machine may go down.
    _write(folder / _ATTEMPTS, [*earlier, attempt])
    started = time.monotonic()
    try:
        status = subprocess.run(command).returncode
    finally:
        attempt["seconds"] = time.monotonic() - started
        _write(folder / _ATTEMPTS, [*earlier, attempt])
    if status:
        raise TrainingError(f"{folder}: training ended with status {status}: {' '.join(command)}")


def _attempts(folder: Path) -> list[dict[str, Any]]:
    """Seconds and provenance of each start of the trainer."""
    path = folder / _ATTEMPTS
    return _read(path) if path.is_file() else []


def _judge(
    row: TableRow, folder: Path, setting: Setting, device: torch.device
) -> dict[str, dict[str, dict[str, float]]]:
    predictors = _predictors(row, folder, setting, device)
    judgements = judge(predictors, setting.splits["test"], "eigen", device)
    write_csv(folder / PICTURES, judgements)
    return {
        found.model if found.depth == UNNAMED else found.depth: averages_of(found)
        for found in judgements
    }


def _predictors(
    row: TableRow, folder: Path, setting: Setting, device: torch.device
) -> Mapping[str, Predictor]:
    if isinstance(row.method, NoNetwork):
        return baselines_of(setting.splits["train"])
    if isinstance(row.method, ZeroShot):
        network = _zero_shot(row.method, setting.clip).to(device)
        return {
            row.depth: lambda pictures, indices, size: Predicted(
                {UNNAMED: network.predict(pictures, size)}
            )
        }
    return {row.title: open_predictor(folder / "model", device, setting.splits["test"].camera)}


def _zero_shot(method: ZeroShot, clip: str | None) -> DepthClip:
    """With the available weights, a file being ViT-B/32's; else random ones, always the same."""
    pretrained = OPENAI if clip and not method.backbone.startswith("ViT") else clip
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(_STAND_IN_SEED)
        return DepthClip(method.backbone, method.words, pretrained)


def _trainable(folder: Path) -> int:
    network, _ = network_to_finetune(str(folder / "model"))
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
