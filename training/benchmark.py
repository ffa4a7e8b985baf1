"""Speed of data loading and of a training step: ``python -m training.benchmark DATA ...``.

Prints two Markdown tables: images per second of each data set's loaders beside those of the
training step, and the parts of a step with the least number of floating-point operations that each
needs. The step is the trainer's own on the first images of the first data set, with every
augmentation, in the precision that the trainer would choose.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from moa_depth_ros.command_line import a_path, add_device_option, at_least
from moa_depth_ros.machine.allocator import keep_freed_memory
from moa_depth_ros.machine.report import describe
from moa_depth_ros.machine.timing import seconds_of
from moa_depth_ros.network import NetworkConfig
from training.augmentation import Augmentation
from training.command_line import exit_code, use_device
from training.data.depth_set import DepthSet
from training.data.held_out import Part
from training.data.layouts import open_splits
from training.data.resident import ResidentLoader, read_onto
from training.data.samplers import ShuffledSampler
from training.data.workers import data_loader
from training.module import DepthModule
from training.precision import Precision, default_precision
from training.weights import build_network

EVERYTHING = Augmentation(0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 5.0, 0.2)
_WARM_UP = 3


class Step:
    """The trainer's step, in parts that can be timed separately.

    Args:
        module: on its device, with its network.
        batch: of samples, on the same device except for their indices.
        precision: the trainer's.
    """

    def __init__(self, module: DepthModule, batch: dict[str, Any], precision: Precision):
        self.module, self.batch = module, batch
        low = precision == "bf16-mixed"
        self.autocast = torch.autocast(
            module.device.type, torch.bfloat16, enabled=low, cache_enabled=False
        )
        self.optimiser: torch.optim.Optimizer = module.configure_optimizers()
        self.pictures: Tensor
        self.label: Tensor
        self.loss: Tensor

    def parts(self) -> dict[str, Callable[[], None]]:
        """In the order in which they must run."""
        return {
            "preparation, all augmentation": self.prepare,
            "forward and loss": self.forward,
            "backward": self.backward,
            "optimiser": self.update,
        }

    def run(self) -> None:
        """The whole step."""
        for part in self.parts().values():
            part()

    def prepare(self) -> None:
        """Resize and augment the batch."""
        with self.autocast:
            self.pictures, self.label = self.module.training_inputs(self.batch)

    def forward(self) -> None:
        """From images to the loss."""
        with self.autocast:
            self.loss = self.module.training_terms(self.pictures, self.label).total

    def backward(self) -> None:
        """Gradients of all trainable parameters."""
        self.optimiser.zero_grad()
        self.loss.backward()

    def update(self) -> None:
        """One step of the optimiser."""
        self.optimiser.step()


def endless(loader: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The loader's batches, epoch after epoch."""
    while True:
        yield from loader


def moved(batch: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """The batch with images and depth on the device, as the trainer moves it."""
    there = {key: batch[key].to(device, non_blocking=True) for key in ("picture", "depth")}
    return {**batch, **there}


def loaders(
    dataset: Part, device: torch.device, batch: int, workers: int
) -> dict[str, DataLoader | ResidentLoader]:
    """Both ways to feed a data set to the trainer."""
    stream = data_loader(dataset, workers, device, batch_size=batch, persistent_workers=workers > 0)
    reading = data_loader(dataset, workers, device, batch_size=batch)
    resident = ResidentLoader(
        read_onto(dataset, device, reading), batch, ShuffledSampler(dataset, 0)
    )
    return {f"streamed by {workers} workers": stream, f"kept on {device}": resident}


def time_loader(loader: DataLoader | ResidentLoader, device: torch.device, runs: int) -> float:
    """Images per second of a loader alone, while nothing else runs.

    Mean over ``runs`` batches after a warm-up, because workers deliver in bursts.
    """
    batches = endless(loader)
    for _ in range(_WARM_UP):
        next(batches)
    pictures, started = 0, time.perf_counter()
    for _ in range(runs):
        pictures += len(moved(next(batches), device)["index"])
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return pictures / (time.perf_counter() - started)


def time_parts(step: Step, device: torch.device, runs: int) -> dict[str, float]:
    """Median seconds of each part; each one ends before the next one starts."""
    times: dict[str, list[float]] = {name: [] for name in step.parts()}
    for _ in range(_WARM_UP + runs):
        for name, part in step.parts().items():
            times[name].append(seconds_of(part, device))
    return {name: float(np.median(found[_WARM_UP:])) for name, found in times.items()}


def count_operations(step: Step) -> dict[str, int]:
    """Floating-point operations of each part's matrix products, which no device can avoid."""
    found = {}
    for name, part in step.parts().items():
        with FlopCounterMode(display=False) as counter:
            part()
        found[name] = counter.get_total_flops()
    return found


def _module(model: Path | None) -> DepthModule:
    if model is not None:
        return DepthModule(augmentation=EVERYTHING, init_from=str(model))
    module = DepthModule(NetworkConfig(pretrained=None), augmentation=EVERYTHING)
    module.network = build_network(module.network_config).train()
    return module


def run(options: argparse.Namespace) -> None:
    """Measure and print.

    Raises:
        TrainingError: the data or the model can't be used.
    """
    device, runs, rates = options.device, options.runs, {}
    use_device(device)
    sets = {data: _first(open_splits(data)["train"], options.pictures) for data in options.data}
    for data, train_set in sets.items():
        ways = loaders(train_set, device, options.batch, options.workers)
        for way, batches in ways.items():
            rates[f"{data}, {way}"] = time_loader(batches, device, runs)
    batch = next(iter(DataLoader(sets[options.data[0]], options.batch)))
    precision = default_precision(device.type)
    step = Step(_module(options.model).to(device), moved(batch, device), precision)
    parts, operations = time_parts(step, device, runs), count_operations(step)
    whole = float(np.median([seconds_of(step.run, device) for _ in range(runs)]))
    rates["training step alone"] = len(batch["index"]) / whole
    print(f"{describe(device)}; precision: {precision}\n\n| pictures | a second |\n|---|---|")
    for name, rate in rates.items():
        print(f"| {name} | {rate:.1f} |")
    print("\n| part of a training step | ms | GFLOP |\n|---|---|---|")
    for name, took in {**parts, "whole, without waiting between": whole}.items():
        flops = operations.get(name, sum(operations.values()))
        print(f"| {name} | {1e3 * took:.2f} | {flops / 1e9:.2f} |")


def _first(dataset: DepthSet, count: int) -> Part:
    return Part(dataset, range(min(count, len(dataset))))


def main(args: Sequence[str] | None = None) -> int:
    """Measure as the arguments say; the exit code is 0, or 1 after a message."""
    parser = argparse.ArgumentParser(prog="python -m training.benchmark", description=__doc__)
    add = parser.add_argument
    add("data", nargs="+", type=a_path, metavar="DATA", help="data set of any layout")
    add("--model", type=a_path, help="model folder; default: the paper's network, random weights")
    add_device_option(parser)
    add("--batch", type=at_least(1), default=8, help="images per batch; default: %(default)s")
    add("--workers", type=at_least(0), default=2, help="processes that read; default: %(default)s")
    add(
        "--pictures",
        type=at_least(1),
        default=200,
        help="images per data set; default: %(default)s",
    )
    add("--runs", type=at_least(1), default=20, help="batches that are timed; default: %(default)s")
    keep_freed_memory()
    options = parser.parse_args(args)
    return exit_code(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
