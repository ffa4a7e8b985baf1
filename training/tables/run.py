"""Make one row with one seed: train or build it, judge it, keep what was found."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from moa_depth_ros.machine.whole_file import whole_file
from moa_depth_ros.network import NetworkConfig
from training.checkpoints import newest
from training.data.packed import is_shrunk_below
from training.depthclip import DepthClip
from training.errors import LostDetailError, TrainingError
from training.judging.baselines import baselines_of
from training.judging.judge import judge
from training.judging.output import averages_of
from training.judging.predictors import UNNAMED, Predicted, Predictor, open_predictor
from training.provenance import provenance
from training.tables.rows import NoNetwork, TableRow, Trained, ZeroShot
from training.tables.setting import CONFIGS, OPENAI, Setting, digest
from training.weights import network_to_finetune

RESULT, RECIPE = "result.json", "recipe.json"
_ATTEMPTS = "attempts.json"
_STAND_IN_SEED = 0


def result_of(
    row: TableRow, seed: int | None, setting: Setting, output: Path, max_epochs: int | None
) -> dict[str, Any]:
    """What the row reaches; made now unless an earlier call finished it.

    Args:
        row: of a table.
        seed: of the training; a row that is not trained needs none.
        setting: data and weights.
        output: folder of all rows' folders.
        max_epochs: of the training; None for the configured.

    Returns:
        ``figures``: by depth map what :func:`~training.judging.output.averages_of` gives;
        ``trainable``: parameters that learn; ``seconds``: of training; ``recipe``; and
        ``provenance``: of each start of the training, and of the judging.

    Raises:
        WeightsError: those of a row that is not trained are not at hand.
        LostDetailError: the training pictures were packed smaller than the row's input.
        TrainingError: the training failed, or the folder is of another recipe.
    """
    trained = isinstance(row.method, Trained)
    folder = _folder(row, seed, output)
    if trained and row.method.hires:
        _check_detail(setting)
    recipe = _recipe(row, setting, max_epochs)
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, recipe)
    path = folder / RESULT
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    here = provenance(device)
    if trained:
        _train(folder, _arguments(row.method, setting, seed, max_epochs), here)
    attempts = _attempts(folder)
    result = {
        "recipe": recipe,
        "figures": _judge(row, folder, setting, device),
        "trainable": _trainable(folder) if trained else 0,
        "seconds": sum(attempt["seconds"] for attempt in attempts),
        "provenance": [*(attempt["provenance"] for attempt in attempts), here],
    }
    _write(path, result)
    return result


def finished_results(
    row: TableRow, setting: Setting, output: Path, max_epochs: int | None
) -> dict[int | None, dict[str, Any]]:
    """What :func:`result_of` found earlier by the same recipe, in the order of the seeds.

    A row that is not trained has one result at most, under None.
    """
    seeds = _seeds_begun(row, output) if isinstance(row.method, Trained) else [None]
    paths = {seed: _folder(row, seed, output) / RESULT for seed in seeds}
    results = {
        seed: json.loads(path.read_text(encoding="utf-8"))
        for seed, path in paths.items()
        if path.is_file()
    }
    if not results:
        return {}
    recipe = _recipe(row, setting, max_epochs)
    return {seed: result for seed, result in results.items() if result["recipe"] == recipe}


def check_recipes(
    rows: Iterable[TableRow], setting: Setting, output: Path, max_epochs: int | None
) -> None:
    """Refuse to replace a table whose rows were made by other recipes.

    Raises:
        TrainingError: naming such a row's folder, and what differs.
    """
    for row in rows:
        for seed in _seeds_begun(row, output) if isinstance(row.method, Trained) else [None]:
            folder = _folder(row, seed, output)
            if (folder / RECIPE).is_file():
                _check_recipe(folder, _recipe(row, setting, max_epochs))


def _seeds_begun(row: TableRow, output: Path) -> Sequence[int]:
    prefix = f"{row.run}-seed"
    texts = (path.name.removeprefix(prefix) for path in output.glob(f"{prefix}*"))
    return sorted(int(text) for text in texts if text.isdecimal())


def _folder(row: TableRow, seed: int | None, output: Path) -> Path:
    return output / (f"{row.run}-seed{seed}" if isinstance(row.method, Trained) else row.run)


def _check_detail(setting: Setting) -> None:
    train, test = (setting.splits[name].size for name in ("train", "test"))
    if is_shrunk_below(train, test, setting.hires):
        raise LostDetailError(
            f"{setting.data}: the training pictures were packed at {train[1]}x{train[0]} pixels, "
            f"and the row's input is {setting.hires[1]}x{setting.hires[0]}; pack them without "
            "--size, and take another --output"
        )


def _claim(folder: Path, recipe: dict[str, Any]) -> None:
    """Note the recipe before anything is made by it, so that what was interrupted is known, too."""
    if not (folder / RECIPE).is_file():
        _write(folder / RECIPE, recipe)
    _check_recipe(folder, recipe)


def _check_recipe(folder: Path, recipe: dict[str, Any]) -> None:
    found = json.loads((folder / RECIPE).read_text(encoding="utf-8"))
    differences = [
        f"{name}: {found.get(name)} there, {recipe.get(name)} here"
        for name in sorted({*found, *recipe})
        if found.get(name) != recipe.get(name)
    ]
    if differences:
        raise TrainingError(
            f"{folder}: made by another recipe ({'; '.join(differences)}). Take another --output, "
            "or remove the folder"
        )


def _write(path: Path, content: object) -> None:
    with whole_file(path) as unfinished:
        unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _recipe(row: TableRow, setting: Setting, max_epochs: int | None) -> dict[str, Any]:
    """All that decides the result, but for the seed."""
    method = row.method
    made_on = {"data": str(setting.data), "content": setting.content}
    if not isinstance(method, NoNetwork):
        made_on["clip"] = setting.weights
    if not isinstance(method, Trained):
        return {**made_on, "method": row.run, "made of": digest(repr(method).encode())}
    values = _configured(setting.configs)
    return {
        **made_on,
        **values,
        "architecture": _architecture(values.get("model.network.architecture")),
        "max_epochs": max_epochs,
        "changes": dict(_changes(method, setting)),
    }


def _configured(configs: Sequence[Path]) -> dict[str, Any]:
    """The configurations' values by their dotted names, the later files' over the earlier's."""
    values: dict[str, Any] = {}
    for path in configs:
        values |= _flat(yaml.safe_load(path.read_bytes()))
    return values


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    values = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        values |= _flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return values


def _architecture(name: str | None) -> str:
    """The tower's name, or a digest where it is a file."""
    name = name or NetworkConfig().architecture
    path = CONFIGS.parents[1] / name
    return digest(path.read_bytes()) if path.is_file() else name


def _changes(method: Trained, setting: Setting) -> Iterator[tuple[str, str]]:
    for name, value in method.changes.items():
        yield name, str(value)
    if method.hires:
        yield "model.network.input_size", str(list(setting.hires))


def _arguments(
    method: Trained, setting: Setting, seed: int | None, max_epochs: int | None
) -> Iterator[str]:
    for path in setting.configs:
        yield from ("--config", str(path))
    yield from ("--data.root", str(setting.data))
    if setting.clip:
        yield from ("--model.network.pretrained", setting.clip)
    for name in ("seed_everything", "data.seed", "model.augmentation.seed"):
        yield from (f"--{name}", str(seed))
    if max_epochs is not None:
        yield from ("--trainer.max_epochs", str(max_epochs))
    for name, value in _changes(method, setting):
        yield from (f"--{name}", value)


def _train(folder: Path, arguments: Iterator[str], here: dict[str, Any]) -> None:
    """In a process of its own, so that memory and settings start anew; resumes what was killed."""
    if (folder / "model" / "config.json").is_file():
        return
    command = [sys.executable, "-m", "training.train", *arguments, "--output", str(folder)]
    if newest(folder / "checkpoints"):
        command += ["--ckpt_path", "last"]
    earlier, attempt = _attempts(folder), {"seconds": 0.0, "provenance": here}
    # Before the start, too: the machine may go off.
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
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def _judge(
    row: TableRow,
    folder: Path,
    setting: Setting,
    device: torch.device,
) -> dict[str, dict[str, dict[str, float]]]:
    predictors = _predictors(row, folder, setting, device)
    return {
        found.model if found.depth == UNNAMED else found.depth: averages_of(found)
        for found in judge(predictors, setting.splits["test"], "eigen", device)
    }


def _predictors(
    row: TableRow,
    folder: Path,
    setting: Setting,
    device: torch.device,
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
    """With the weights at hand, a file being ViT-B/32's; without, random ones, always the same."""
    pretrained = OPENAI if clip and not method.backbone.startswith("ViT") else clip
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(_STAND_IN_SEED)
        return DepthClip(method.backbone, method.words, pretrained)


def _trainable(folder: Path) -> int:
    network, _ = network_to_finetune(str(folder / "model"))
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
