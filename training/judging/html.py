"""The report: one self-contained HTML file, readable offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path

import torch
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from torch.utils.data import Dataset

from moa_depth_ros.machine.whole_file import whole_file
from training.data.sample import Sample
from training.judging import gallery, plots
from training.judging.judgement import RANGE_NAMES, Judgement
from training.judging.output import HEADINGS, HIGHER_IS_BETTER, averages_of
from training.judging.predictors import Opened
from training.metrics import METRICS

_TEMPLATE = "report.html.j2"


def write_html(
    path: Path,
    protocol: Mapping[str, object],
    judgements: Sequence[Judgement],
    models: Mapping[str, Opened],
    pictures: Dataset[Sample],
    device: torch.device,
) -> None:
    """Write the report.

    Args:
        path: of the file.
        protocol: what was judged, how and with what, to be shown.
        judgements: of all predictors, on the same images.
        models: those to describe and to show images of, by their names in the judgements; the
            first judged one is among them.
        pictures: images that were judged.
        device: of the predictors.
    """
    headline = _headline(judgements)
    shown = {
        judgement.model: gallery.draw(
            gallery.exhibits(models[judgement.model], judgement, pictures, device, headline[0])
        )
        for judgement in headline
        if judgement.model in models
    }
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template(_TEMPLATE).render(
        protocol=protocol,
        counts=judgements[0].plain,
        headings=HEADINGS,
        tables=_tables(judgements),
        headline=headline,
        descriptions={name: model.description for name, model in models.items()},
        ranges=RANGE_NAMES,
        scenes=headline[0].by_scene,
        calibrated=[judgement for judgement in judgements if judgement.calibration],
        plots={
            "pictures": plots.plot_pictures(headline),
            "ranges": plots.plot_ranges(headline),
            # A single type for all images is the data set's name, or says nothing more.
            "scenes": plots.plot_scenes(headline) if len(headline[0].by_scene) > 1 else None,
            "calibration": plots.plot_calibration(headline),
        },
        gallery=shown,
    )
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _headline(judgements: Sequence[Judgement]) -> list[Judgement]:
    """The first depth map of each predictor."""
    first: dict[str, Judgement] = {}
    for judgement in judgements:
        first.setdefault(judgement.model, judgement)
    return list(first.values())


def _tables(judgements: Sequence[Judgement]) -> dict[str, list[dict[str, object]]]:
    """For each average its rows, with the names of the metrics in which a row is the best."""
    tables: dict[str, list[dict[str, object]]] = {}
    for average in averages_of(judgements[0]):
        values = [averages_of(judgement)[average] for judgement in judgements]
        # As shown: what looks the same is equally good.
        shown = [{name: f"{row[name]:.3f}" for name in METRICS} for row in values]
        best = {
            name: (max if name in HIGHER_IS_BETTER else min)(values, key=itemgetter(name))[name]
            for name in METRICS
        }
        tables[average] = [
            {
                "model": judgement.model,
                "depth": judgement.depth,
                "values": row,
                "best": [name for name in METRICS if row[name] == f"{best[name]:.3f}"],
            }
            for judgement, row in zip(judgements, shown, strict=True)
        ]
    return tables
