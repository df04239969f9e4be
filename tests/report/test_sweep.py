"""What a sweep is drawn and told as: series, labels, published numbers, broken files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from report.fabricated import NASTY, style_config, style_evaluation, style_lines, write_run
from report.test_page import build, checked

from textvae.commands.sweep_output import draw, markdown, write_results
from textvae.errors import UserError
from textvae.extras.report.figures import drawing
from textvae.extras.report.frontier import frontier_figure
from textvae.extras.report.label_places import Box, place_labels
from textvae.extras.report.published import files, published
from textvae.extras.report.sweep import line_axis, read_sweep, series_of
from textvae.extras.sweeps.results import lost_row, point_row, summary

YELP = "3853a82e4762b9b81891086a2dbc0c3743a791b234f76accef4fddfe84d027a6"
"""Checksum of the Yelp test set's sentences."""


def scored(settings: dict[str, Any], accuracy: float, references: bool = True) -> dict[str, Any]:
    """metrics.json of a point."""
    metrics = style_evaluation("point", accuracy)
    for row in metrics["rows"]:
        value = row["measures"]["accuracy_ngram"]["value"]
        row["measures"]["accuracy"] = {"value": value, "low": value - 1, "high": value + 1}
        if not references:
            del row["measures"]["ref_bleu"]
    return {**metrics, "point": settings, "decoding": settings, "speed": {"sentences_per_second": 7.0}}


def write_sweep(
    folder: Path, settings: list[dict[str, Any]], references: bool = True, title: str = "run", **facts: Any
) -> Path:
    found = [scored(point, 80.0 + place, references) for place, point in enumerate(settings)]
    rows = [point_row(f"p{place}", "", metrics) for place, metrics in enumerate(found)]
    axes = {name: None for point in settings for name in point}
    told = {"title": title, "split": "dev", "axes": axes, "test_set": None, **facts}
    write_results(folder, summary(told, rows, found))
    return folder


def test_lines_join_points_that_differ_in_one_number(tmp_path: Path) -> None:
    grid = [{"strength": strength, "beam": beam} for strength in (2.0, 0.5, 1.0) for beam in (1, 5)]
    sweep = read_sweep(write_sweep(tmp_path, [*grid, {"rerank": True}]))
    found = {series.name: series.labels for series in series_of(sweep)}
    assert line_axis(sweep) == "strength"
    ordered = ("0.5", "1", "2")
    assert found == {"beam 1, by strength": ordered, "beam 5, by strength": ordered, "rerank true": ("",)}


def test_no_line_joins_seeds_or_words(tmp_path: Path) -> None:
    seeds = [{"training.seed": seed, "model.output": kind} for seed in (0, 1) for kind in ("full", "adaptive")]
    sweep = read_sweep(write_sweep(tmp_path, seeds))
    assert line_axis(sweep) is None
    assert {series.name for series in series_of(sweep)} == {
        f"output {kind}, seed {seed}" for seed in (0, 1) for kind in ("full", "adaptive")
    }


def test_table_and_notes_say_whose_numbers_these_are(tmp_path: Path) -> None:
    sweep = read_sweep(write_sweep(tmp_path, [{"strength": 1.0}, {"strength": 2.0}], test_set=YELP))
    text = markdown(sweep)
    assert "| strength 2 * |" in text and "| strength 1 |" in text and "input copied" in text
    assert "rescored by one public judge" in text and "NOT by our judges" in text and "a rough guide only" in text
    assert "RACoLN" not in text, "published numbers stand in the figure alone, not among ours"
    assert "rough guide" not in markdown(read_sweep(write_sweep(tmp_path, [{"a": 1}], test_set=YELP, split="test")))


def test_points_without_numbers_are_told(tmp_path: Path) -> None:
    row = lost_row("p", "p", {"training.seed": 1}, "diverged", "J_rec became nan")
    write_results(tmp_path, summary({"title": "t", "split": "dev", "axes": {}, "test_set": None}, [row], []))
    text = (tmp_path / "table.md").read_text()
    assert "seed 1 (diverged) |" in text and "- diverged: J_rec became nan" in text


def test_published_systems_belong_to_one_test_set() -> None:
    (values,) = files()
    found = published(YELP)
    assert found is not None and len(found.systems) == len(values["systems"]) == 20
    assert {system.weights for system in found.systems} == {"none", "pretrained", "large language model"}
    assert all(0 < s.ref_bleu < s.self_bleu <= 100 and 0 <= s.accuracy <= 100 for s in found.systems)
    assert published(None) is None and published("0" * 64) is None


@pytest.mark.parametrize("references", [True, False])
def test_the_figure_has_a_panel_for_each_bleu_and_names_what_is_published(tmp_path: Path, references: bool) -> None:
    points = [{"strength": strength} for strength in (1.0, 2.0)]
    folder = write_sweep(tmp_path, points, references, test_set=YELP)
    draw(read_sweep(folder), folder)
    assert (folder / "frontier.png").read_bytes()[:4] == b"\x89PNG"
    svg = (folder / "frontier.svg").read_text()
    assert svg.count(">CBD 2021<") == svg.count("BLEU against the") == 1 + references
    assert "published, public judge" in svg and "NOT by our judges" in " ".join(svg.split())
    draw(read_sweep(folder), folder)
    assert (folder / "frontier.svg").read_text() == svg, "the same numbers give the same file"
    draw(read_sweep(write_sweep(tmp_path, points, references)), folder)
    assert "CBD" not in (folder / "frontier.svg").read_text(), "other data have no published systems"


def test_a_human_reference_without_bleu_is_a_level(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, [{"strength": 1.0}])
    values = json.loads((folder / "sweep.json").read_text())
    values["baselines"]["human reference"] = {"accuracy": {"value": 72.0}, "self_bleu": {"value": 31.0}}
    (folder / "sweep.json").write_text(json.dumps(values))
    with drawing():
        own, ref = frontier_figure(read_sweep(folder)).axes
    dotted = [[line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == ":"] for ax in (own, ref)]
    assert dotted == [[], [72.0]]
    assert [sum(text.get_text() == "human reference" for text in ax.texts) for ax in (own, ref)] == [1, 1]


def test_labels_hide_neither_points_nor_one_another() -> None:
    points = [(300.0 + 12 * (n % 4), 300.0 + 12 * (n // 4)) for n in range(12)]
    frame, sizes = Box(0, 0, 600, 600), [(60.0, 9.0)] * 12
    found = place_labels(points, sizes, frame)
    marks = [Box(x - 4, y - 4, x + 4, y + 4) for x, y in points]
    assert all(box.inside(frame) and not any(box.overlap(mark) for mark in marks) for box in found)
    assert not any(a.overlap(b) for n, a in enumerate(found) for b in found[n + 1 :])
    assert place_labels([(5.0, 5.0)], [(0.0, 0.0)], frame) == [Box(5.0, 5.0, 5.0, 5.0)]


def test_a_page_shows_the_sweep_beside_a_run_and_names_a_broken_one(tmp_path: Path) -> None:
    run = write_run(tmp_path / "style", style_config(), style_lines(100))
    plain = checked(build(run, model=False))
    assert "Sweeps" not in plain.text
    write_sweep(run / "sweep", [{"strength": 1.0}, {"strength": 2.0, "note": NASTY}], test_set=YELP)
    (run / "sweep_test").mkdir()
    (run / "sweep_test" / "sweep.json").write_text('{"points": 3}')
    figures = tmp_path / "figures"
    page = checked(build(run, model=False, figures=figures))
    assert len(page.all("img")) == len(plain.all("img")) + 1 and NASTY in page.text
    assert "NOT by our judges" in page.text and "strength 1" in page.text
    assert "a sweep is left out" in page.text and "is broken" in page.text
    assert {path.suffix for path in figures.glob("frontier-*")} == {".svg", ".png"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"title": "t", "split": "dev", "axes": 3, "points": []}'])
def test_broken_files_are_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="holds no sweep.json"):
        read_sweep(tmp_path)
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(UserError, match="is broken, or another version"):
        read_sweep(tmp_path)
