"""How fast data and a training step are on this machine: ``python -m training.benchmark DATA ...``.

Prints two Markdown tables: pictures per second of each data set's loaders beside those of the
training step, and the parts of a step with the floating-point operations that they need at least.
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
from torch.utils.data import DataLoader, Subset
from torch.utils.flop_counter import FlopCounterMode

from moa_depth_ros.command_line import add_device_option, at_least
from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.machine.allocator import keep_freed_memory
from moa_depth_ros.network import MoADepthClip, NetworkConfig
from training.augmentation import Augmentation, augment, draw_numbers
from training.command_line import exit_code
from training.data.open import DepthSet, open_splits
from training.data.resident import ResidentLoader, read_onto
from training.data.samplers import ShuffledSampler
from training.data.workers import use_one_thread
from training.losses import LossConfig, composite_loss
from training.preparation import prepare_depth, prepare_pictures
from training.weights import build_network, network_to_finetune

EVERYTHING = Augmentation(0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 5.0, 0.2)
_WARM_UP = 3


class Step:
    """A training step of a network, in parts that can be timed one by one.

    Args:
        network: on its device.
        batch: of samples, on the same device.
    """

    def __init__(self, network: MoADepthClip, batch: dict[str, Any]):
        self.network, self.batch = network, batch
        learning = [p for p in network.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(learning, lr=1e-5)
        self.pictures, self.label = self._prepared()
        self.loss: Tensor

    def parts(self) -> dict[str, Callable[[], None]]:
        """In the order in which they have to run."""
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
        """Resize and vary the batch."""
        numbers = draw_numbers(self.batch["index"], 0, 0)
        numbers = numbers.to(self.batch["picture"].device, non_blocking=True)
        self.pictures, self.label = augment(*self._prepared(), numbers, EVERYTHING, NYU_KINECT)

    def forward(self) -> None:
        """From pictures to the loss."""
        prediction = self.network.decode(self.network(self.pictures))
        bin_index = self.network.bins.index(self.label)
        terms = composite_loss(
            prediction.logits,
            prediction.regressed,
            self.label,
            bin_index,
            self.network.config.max_depth,
            LossConfig(),
        )
        self.loss = terms.total

    def backward(self) -> None:
        """Gradients of all that learns."""
        self.optimiser.zero_grad()
        self.loss.backward()

    def update(self) -> None:
        """One step of the optimiser."""
        self.optimiser.step()

    def _prepared(self) -> tuple[Tensor, Tensor]:
        size = self.network.config.input_size
        return (
            prepare_pictures(self.batch["picture"], size),
            prepare_depth(self.batch["depth"], size),
        )


def endless(loader: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The loader's batches, epoch after epoch."""
    while True:
        yield from loader


def seconds(part: Callable[[], object], device: torch.device) -> float:
    """Time of one call until the device has done it."""
    started = time.perf_counter()
    part()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def loaders(
    dataset: DepthSet, device: torch.device, batch: int, workers: int
) -> dict[str, DataLoader | ResidentLoader]:
    """Both ways to feed a data set to the trainer."""
    stream = DataLoader(
        dataset,
        batch,
        num_workers=workers,
        worker_init_fn=use_one_thread,
        pin_memory=device.type == "cuda",
        persistent_workers=workers > 0,
    )
    reading = DataLoader(dataset, batch, num_workers=workers, worker_init_fn=use_one_thread)
    resident = ResidentLoader(
        read_onto(dataset, device, reading), batch, ShuffledSampler(dataset, 0)
    )
    return {f"streamed by {workers} workers": stream, f"kept on {device}": resident}


def time_loader(loader: DataLoader | ResidentLoader, device: torch.device, runs: int) -> float:
    """Pictures per second of a loader alone, which has time for nothing but loading.

    Mean over ``runs`` batches after a warm-up, because workers deliver in bursts.
    """
    batches = endless(loader)
    for _ in range(_WARM_UP):
        next(batches)
    pictures, started = 0, time.perf_counter()
    for _ in range(runs):
        pictures += len(next(batches)["picture"].to(device))
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return pictures / (time.perf_counter() - started)


def time_parts(step: Step, device: torch.device, runs: int) -> dict[str, float]:
    """Median seconds of each part; each is waited for before the next one starts."""
    times: dict[str, list[float]] = {name: [] for name in step.parts()}
    for _ in range(_WARM_UP + runs):
        for name, part in step.parts().items():
            times[name].append(seconds(part, device))
    return {name: float(np.median(found[_WARM_UP:])) for name, found in times.items()}


def count_operations(step: Step) -> dict[str, int]:
    """Floating-point operations of each part's matrix products: no device can do without them."""
    found = {}
    for name, part in step.parts().items():
        with FlopCounterMode(display=False) as counter:
            part()
        found[name] = counter.get_total_flops()
    return found


def _network(model: Path | None) -> MoADepthClip:
    if model is not None:
        return network_to_finetune(str(model))
    return build_network(NetworkConfig(pretrained=None))


def run(options: argparse.Namespace) -> None:
    """Measure and print.

    Raises:
        TrainingError: about the data or the model.
    """
    device, runs, rates = options.device, options.runs, {}
    for data in options.data:
        train_set = _First(open_splits(data)["train"], options.pictures)
        ways = loaders(train_set, device, options.batch, options.workers)
        for way, loader in ways.items():
            rates[f"{data}, {way}"] = time_loader(loader, device, runs)
        batch = next(iter(loader))
    step = Step(_network(options.model).to(device).train(), batch)
    parts, operations = time_parts(step, device, runs), count_operations(step)
    whole = float(np.median([seconds(step.run, device) for _ in range(runs)]))
    rates["training step alone"] = len(batch["picture"]) / whole
    print("| pictures | a second |\n|---|---|")
    for name, rate in rates.items():
        print(f"| {name} | {rate:.1f} |")
    print("\n| part of a training step | ms | GFLOP |\n|---|---|---|")
    for name, took in {**parts, "whole, without waiting between": whole}.items():
        flops = operations.get(name, sum(operations.values()))
        print(f"| {name} | {1e3 * took:.2f} | {flops / 1e9:.2f} |")


class _First(Subset):
    """The first pictures of a data set."""

    def __init__(self, dataset: DepthSet, count: int):
        super().__init__(dataset, range(min(count, len(dataset))))
        self.size = dataset.size


def main(args: Sequence[str] | None = None) -> int:
    """Measure as the arguments say; the exit code is 0, or 1 after a message."""
    parser = argparse.ArgumentParser(prog="python -m training.benchmark", description=__doc__)
    add = parser.add_argument
    add("data", nargs="+", type=Path, metavar="DATA", help="data set of any layout")
    add("--model", type=Path, help="model folder; default: the paper's network, random weights")
    add_device_option(parser, "cpu")
    add("--batch", type=at_least(1), default=8, help="pictures in a batch; default: %(default)s")
    add("--workers", type=at_least(0), default=2, help="processes that read; default: %(default)s")
    add("--pictures", type=at_least(1), default=200, help="of each data set; default: %(default)s")
    add("--runs", type=at_least(1), default=20, help="counted batches; default: %(default)s")
    keep_freed_memory()
    options = parser.parse_args(args)
    return exit_code(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
