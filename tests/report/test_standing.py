"""Runs among published systems: only where the test set is theirs, and never with their numbers as ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from report.fabricated import style_config, style_evaluation, style_lines, write_run

from textvae.extras.report.page import PageOptions, build_page
from textvae.extras.report.published import files
from textvae.extras.report.records import read_run
from textvae.extras.report.standing import standing

YELP = next(values["test_set"] for values in files())


def evaluation(system: str, **facts: Any) -> dict[str, Any]:
    found = style_evaluation(system)
    for row in found["rows"]:
        row["measures"]["accuracy"] = row["measures"]["accuracy_cnn"]
    return {**found, **facts}


def run(folder: Path, **facts: Any) -> Path:
    return write_run(folder, style_config(), style_lines(100), evaluation(folder.name, **facts))


def test_a_run_on_the_test_set_of_published_systems_stands_among_them(tmp_path: Path) -> None:
    html = build_page([read_run(run(tmp_path / "ours", test_set=YELP))], PageOptions(), lambda text: None)
    assert "Published on the same test set" in html and "NOT by our judges" in html
    assert html.index("LEWIS, pretrained") > html.index("input copied")


@pytest.mark.parametrize("facts", [{}, {"test_set": "0" * 64}, {"test_set": [1]}])
def test_other_test_sets_have_no_published_systems(tmp_path: Path, facts: dict[str, Any]) -> None:
    assert standing([read_run(run(tmp_path / "ours", **facts))], ["ours"], [None]) is None


def test_an_evaluation_of_an_older_version_is_known_by_the_data_of_its_run(tmp_path: Path) -> None:
    records = [read_run(run(tmp_path / name)) for name in ("a", "b")]
    found = standing(records, ["a", "b"], [YELP, None])
    assert found is not None and [point.settings for point in found.sweep.points] == [{"run": "a"}]
    assert set(found.sweep.baselines) == {"input copied"} and found.sweep.points[0].value("accuracy") == 90.0
    best, *others = found.table.rows
    assert all(row.own is None for row in found.table.rows)  # none of them is a run of ours
    assert (
        best.measures["accuracy"].value >= others[0].measures["accuracy"].value
        and best.measures["accuracy"].low is None
    )


def test_figures_of_the_standing_are_files_too(tmp_path: Path) -> None:
    record = read_run(run(tmp_path / "ours", test_set=YELP))
    build_page([record], PageOptions(figures=tmp_path / "figures"), lambda text: None)
    assert {path.suffix for path in (tmp_path / "figures").glob("published.*")} == {".png", ".svg"}
