"""Command line of the evaluation: ``python -m training.evaluate MODEL [MODEL ...] --data FOLDER``.

Judges the binned, regressed and fused depth of each model folder, and each folder of predictions
from another program, on a data set of any layout that :mod:`training.data.layouts` knows, beside
two baselines that need no network, by the protocol of NYU Depth V2.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import torch
from torch.utils.data import Dataset

from moa_depth_ros.command_line import a_path, add_device_option, at_least
from moa_depth_ros.machine.allocator import keep_freed_memory
from moa_depth_ros.machine.file_names import printable
from moa_depth_ros.machine.plain_warnings import warn_in_lines
from training.command_line import exit_code, new_file, use_device
from training.data.depth_set import DepthSet
from training.data.nyu_labelled import Split
from training.data.options import add_data_options, add_depth_option, open_selection
from training.data.sample import Sample
from training.data.workers import one_a_core
from training.errors import DataError
from training.judging.baselines import baselines_of, maps_read
from training.judging.html import write_html
from training.judging.judge import judge
from training.judging.judgement import Judgement
from training.judging.output import is_own_csv, markdown, write_csv, write_json
from training.judging.predictors import Opened, PredictionFolder, open_predictor
from training.metrics import Crop
from training.provenance import provenance

_WRONG = 0.5  # an AbsRel that metric depth never has


def main(args: Sequence[str] | None = None) -> int:
    """Evaluate as the arguments say; the exit code is 0, or 1 after a message on standard error."""
    options = _arguments().parse_args(args)
    keep_freed_memory()
    warn_in_lines()
    return exit_code(lambda: run(options))


def run(options: argparse.Namespace) -> None:
    """Evaluate as the options say, write the requested files and print the table.

    Raises:
        TrainingError, ModelFolderError: the data or a model can't be used.
    """
    device = options.device
    use_device(device)
    pictures, splits = open_selection(options, options.depth)
    camera = splits[options.split].camera
    models = {
        printable(str(folder)): open_predictor(folder, device, camera, options.flip)
        for folder in options.models
    }
    predictors = models | baselines_of(splits["train"], options.workers)
    judgements = judge(predictors, pictures, options.crop, device, options.batch, options.workers)
    if not judgements[0].plain.pictures:
        raise DataError(f"{options.data}: no image of the split has a valid pixel inside the crop")
    protocol = _protocol(options, splits, device)
    try:  # before the table, whose reader may be gone
        written = _write_files(options, protocol, judgements, models, pictures)
    finally:  # even if the disk is full
        _print_table(protocol, judgements)
    for judgement in judgements:
        if isinstance(models.get(judgement.model), PredictionFolder):
            _warn_of_unit(judgement)
    for name in written:
        print(f"wrote {printable(name)}")


def _write_files(
    options: argparse.Namespace,
    protocol: Mapping[str, object],
    judgements: Sequence[Judgement],
    models: Mapping[str, Opened],
    pictures: Dataset[Sample],
) -> list[str]:
    """Names of the written files."""
    written = []
    if options.json:
        described = {name: model.description for name, model in models.items()}
        write_json(options.json, protocol, described, judgements)
        write_csv(options.json.with_suffix(".csv"), judgements)
        written.append(f"{options.json} and {options.json.with_suffix('.csv')}")
    if options.html:
        write_html(options.html, protocol, judgements, models, pictures, options.device)
        written.append(str(options.html))
    return written


def _print_table(protocol: Mapping[str, object], judgements: Sequence[Judgement]) -> None:
    first = judgements[0].plain
    origin = f", {protocol['origin']}" if protocol["origin"] else ""
    print(
        f"{protocol['split']} split of {protocol['data']}{origin}, {protocol['depth']} depth, "
        f"crop {protocol['crop']}: {first.pictures} images"
        + (f", {first.without_valid} left out without a valid pixel" if first.without_valid else "")
        + (f"; mean depth of {protocol['mean depth']}" if protocol["mean depth"] else "")
    )
    print(markdown(judgements))


def _warn_of_unit(judgement: Judgement) -> None:
    """Warn of predictions that are right except for a factor."""
    plain, scaled = (
        averages.per_image["abs_rel"] for averages in (judgement.plain, judgement.median_scaled)
    )
    if plain > _WRONG and scaled < plain / 4:
        warnings.warn(
            f"{judgement.model}: AbsRel is {plain:.3f}, and {scaled:.3f} after median scaling: is "
            "this depth in a unit other than millimetres, or relative?",
            stacklevel=2,
        )


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate",
        description="Evaluate models and predictions on a data set.",
    )
    add = parser.add_argument
    add(
        "models",
        nargs="+",
        type=a_path,
        metavar="MODEL",
        help="model folder, or a folder of predictions: a 16-bit PNG in millimetres for each "
        "image, with the name that python -m training.export gives the image",
    )
    add_data_options(parser)
    add_depth_option(parser, "kind of ground-truth depth")
    add("--crop", choices=get_args(Crop), default="eigen", help="default: %(default)s")
    add("--flip", action="store_true", help="average with the prediction for the mirrored image")
    add_device_option(parser)
    add("--batch", type=at_least(1), default=8, help="images per batch; default: %(default)s")
    add(
        "--workers",
        type=at_least(0),
        default=one_a_core(),
        help="processes that read images; default: one per core, at most 8",
    )
    add(
        "--json",
        type=_json_file,
        help="write all figures to this file, and each image's metrics to a .csv of the same name",
    )
    add(
        "--html",
        type=new_file(".html", ".htm"),
        help="write a report with plots and images to this file",
    )
    return parser


def _json_file(text: str) -> Path:
    """The option's type: the CSV beside it only replaces one that this command wrote."""
    path = new_file(".json")(text)
    beside = new_file(".csv")(str(path.with_suffix(".csv")))
    if beside.exists() and not is_own_csv(beside):
        raise argparse.ArgumentTypeError(
            f"{beside}, which goes beside it, already exists and was not written by this command"
        )
    return path


def _protocol(
    options: argparse.Namespace, splits: Mapping[Split, DepthSet], device: torch.device
) -> dict[str, object]:
    judged, trained = splits[options.split], len(splits["train"])
    averaged = len(maps_read(trained))
    made = provenance(device)
    versions = made.pop("versions")
    return {
        "data": printable(str(options.data)),
        "origin": "rendered rooms" if judged.rendered else None,
        "split": options.split,
        "depth": judged.depth_kind,
        **{name: getattr(options, name) for name in ("crop", "flip", "limit")},
        "mean depth": f"{averaged} of {trained} training maps" if averaged < trained else None,
        **made,
        **versions,
    }


if __name__ == "__main__":
    sys.exit(main())
