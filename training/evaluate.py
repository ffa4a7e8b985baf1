"""Command line of the judge: ``python -m training.evaluate MODEL [MODEL ...] --data FOLDER``.

Judges the binned, regressed and fused depth of each model folder on a data set of any layout that
:mod:`training.data.open` knows, beside the two predictors that need no network, by the protocol of
NYU Depth V2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from moa_depth_ros.network import MoADepthClip, ModelFolderError, load_network
from training.baselines import fit_baselines
from training.data.nyu_labelled import MAT_NAME, SPLITS_NAME
from training.data.open import LAYOUTS, DepthSet, open_splits
from training.errors import DataError, TrainingError, message_of
from training.metrics import DepthMetrics, metrics_of, pixel_sums
from training.module import DECODERS, depths_of
from training.preparation import prepare_pictures, resize_depth
from training.report import Row, markdown, write_csv, write_json

Predictor = Callable[[Tensor, tuple[int, int]], dict[str, Tensor]]
"""Pictures (B, 3, H, W) uint8 and a size to depth maps (B, height, width) by their names."""


class Judge:
    """Collects the metrics of one depth map of one predictor.

    Args:
        model: name of the predictor.
        depth: which of its depth maps.
        crop: part of the picture that counts.
    """

    def __init__(self, model: str, depth: str, crop: str):
        self.model, self.depth, self.crop = model, depth, crop
        self.plain, self.median_scaled = DepthMetrics(), DepthMetrics()
        self.per_picture: list[tuple[int, Sequence[float]]] = []

    def add(self, prediction: Tensor, truth: Tensor, indices: Sequence[int]) -> None:
        """Judge a batch: two (B, H, W) in metres, and the pictures' indices."""
        sums = pixel_sums(prediction, truth, self.crop).cpu()
        self.plain.update(sums)
        self.per_picture += zip(indices, metrics_of(sums).tolist(), strict=True)
        self.median_scaled.update(
            pixel_sums(prediction, truth, self.crop, median_scaling=True).cpu()
        )

    def row(self) -> Row:
        """What was found."""
        return Row(
            self.model,
            self.depth,
            self.plain.compute(),
            self.median_scaled.compute(),
            self.per_picture,
        )


def network_predictor(network: MoADepthClip, flip: bool = False) -> Predictor:
    """All three depth maps of a network, resized bilinearly; with ``flip`` averaged with those of
    the mirrored picture."""

    def predict(pictures: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
        inputs = prepare_pictures(pictures, network.config.input_size)
        depths = depths_of(network.decode(network(inputs)))
        if flip:
            mirrored = depths_of(network.decode(network(inputs.flip(-1))))
            depths = {name: (depths[name] + mirrored[name].flip(-1)) / 2 for name in DECODERS}
        return {name: resize_depth(depth, size) for name, depth in depths.items()}

    return predict


def baseline_predictors(train_set: DepthSet) -> dict[str, Predictor]:
    """The two predictors without a network, from the depth of a training set."""
    depths = (train_set.depth(item) for item in _progress(range(len(train_set)), "training depth"))
    return {
        name: lambda pictures, size, fixed=fixed: {"-": fixed.predict(len(pictures), size)}
        for name, fixed in fit_baselines(depths).items()
    }


@torch.inference_mode()
def evaluate(
    predictors: dict[str, Predictor], loader: DataLoader, crop: str, device: torch.device
) -> list[Row]:
    """Judge every predictor on every picture of the loader, in one pass over it."""
    judges: dict[tuple[str, str], Judge] = {}
    for batch in _progress(loader, "judging"):
        pictures, truth = batch["picture"].to(device), batch["depth"].to(device)
        for model, predict in predictors.items():
            for name, depth in predict(pictures, tuple(truth.shape[-2:])).items():
                judge = judges.setdefault((model, name), Judge(model, name, crop))
                judge.add(depth.to(device), truth, batch["index"].tolist())
    return [judge.row() for judge in judges.values()]


def _progress(items: Sequence | DataLoader, title: str) -> Iterator:
    return tqdm(items, desc=title, disable=None)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate",
        description="Judge model folders on a data set.",
    )
    add = parser.add_argument
    add("models", nargs="+", type=Path, metavar="MODEL", help="model folder")
    add("--data", type=Path, required=True, help=f"folder of the data set, or {MAT_NAME} itself")
    add("--layout", choices=LAYOUTS, help="of the data set; default: what is there decides")
    add("--splits", type=Path, help=f"{SPLITS_NAME}, where it is not beside {MAT_NAME}")
    add("--list", type=Path, help="test list of a folder, where not in it under its usual name")
    add("--train-list", type=Path, help="its training list, likewise")
    add("--split", choices=("train", "test"), default="test", help="default: %(default)s")
    add("--depth", choices=("raw", "filled"), default="raw", help="truth; default: %(default)s")
    add("--crop", choices=("eigen", "garg", "none"), default="eigen", help="default: %(default)s")
    add("--flip", action="store_true", help="average with the prediction of the mirrored picture")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...; default: %(default)s")
    add("--batch", type=int, default=8, help="pictures at once; default: %(default)s")
    add("--limit", type=int, help="only the first pictures of the split")
    add(
        "--json", type=Path, help="write all figures here, and each picture's into a .csv beside it"
    )
    return parser


def run(options: argparse.Namespace) -> list[Row]:
    """Judge as the options say.

    Raises:
        TrainingError, ModelFolderError: about the data, about a model.
    """
    device = torch.device(_auto() if options.device == "auto" else options.device)
    splits = open_splits(
        options.data,
        options.layout,
        options.depth,
        options.splits,
        options.train_list,
        options.list,
    )
    judged = splits[options.split]
    predictors = {
        str(folder): network_predictor(load_network(folder, device)[0], options.flip)
        for folder in options.models
    }
    predictors |= baseline_predictors(splits["train"])
    count = min(len(judged), options.limit or len(judged))
    loader = DataLoader(Subset(judged, range(count)), batch_size=options.batch)
    rows = evaluate(predictors, loader, options.crop, device)
    if not rows[0].plain.pictures:
        raise DataError(
            f"{options.data}: no picture of the split has a valid pixel inside the crop"
        )
    return rows


def _auto() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _protocol(options: argparse.Namespace) -> dict[str, object]:
    named = ("data", "split", "depth", "crop", "flip", "limit")
    values = {name: getattr(options, name) for name in named}
    return {**values, "data": str(options.data)}


def main(args: Sequence[str] | None = None) -> int:
    """Judge as the arguments say; the exit code is 0, or 1 after a message on standard error."""
    options = _arguments().parse_args(args)
    try:
        rows = run(options)
    except (TrainingError, ModelFolderError) as error:
        print(f"error: {message_of(error)}", file=sys.stderr)
        return 1
    first = rows[0].plain
    print(
        f"{options.split} split of {options.data}, {options.depth} depth, crop {options.crop}: "
        f"{first.pictures} pictures"
        + (f", {first.without_valid} left out without a valid pixel" * bool(first.without_valid))
    )
    print(markdown(rows))
    if options.json:
        write_json(options.json, _protocol(options), rows)
        write_csv(options.json.with_suffix(".csv"), rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
