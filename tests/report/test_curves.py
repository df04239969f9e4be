"""Panels, and the figures drawn from them."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure
from report.fabricated import style_config, style_lines, summary_config, summary_lines, write_run

from textvae.extras.report import figures
from textvae.extras.report.curves import Curve, Panel, PanelGroup, all_groups, curve
from textvae.extras.report.records import RunRecord, read_run


@pytest.fixture
def records(tmp_path: Path) -> list[RunRecord]:
    style = write_run(tmp_path / "style", style_config(), style_lines(100))
    return [read_run(style), read_run(write_run(tmp_path / "news", summary_config(), summary_lines(100)))]


def by_title(groups: list[PanelGroup]) -> dict[tuple[str, str], Panel]:
    return {(group.name, panel.title): panel for group in groups for panel in group.panels}


def test_a_step_that_was_evaluated_twice_is_drawn_once(tmp_path: Path) -> None:
    lines = [{"step": 5, "dev/score": 0.1}, {"step": 9, "dev/score": 0.3}, {"step": 5, "dev/score": 0.2}]
    found = curve(read_run(write_run(tmp_path / "run", style_config(), lines)), 0, "dev/score")
    assert found is not None and (found.steps, found.values) == ((5, 9), (0.2, 0.3))


def test_every_logged_number_has_its_panel(records: list[RunRecord]) -> None:
    found = by_title(all_groups(records[:1]))
    assert found["objectives", "J_rec"].curves[0] == Curve(
        0, "vae", tuple(range(10, 101, 10)), tuple(5 / s for s in range(10, 101, 10))
    )
    assert found["objectives", "J_rec"].curves[1] == Curve(0, "dev", (50, 100), (1.5, 1.5), dots=True)
    assert found["dev", "score"].curves[0].values == (0.15, 0.3)
    assert found["dev", "style read by a probe"].level == 0.5
    assert {title for group, title in found if group == "gradients"} == {"vae", "dis"}
    assert {title for group, title in found if group == "schedules"} == {
        "tokens per second"
    }  # all weights are constant


def test_a_weight_that_changes_is_drawn(tmp_path: Path) -> None:
    lines = style_lines(100)
    lines[0]["train/lambda/J_kl_s"] = 0.0
    found = by_title(all_groups([read_run(write_run(tmp_path / "run", style_config(), lines))]))
    assert found["schedules", "λ J_kl_s"].curves[0].values[:2] == (0.0, 1.0)


def test_runs_share_panels(records: list[RunRecord]) -> None:
    found = by_title(all_groups(records))
    assert {curve.run for curve in found["dev", "score"].curves} == {0, 1}
    assert {curve.run for curve in found["objectives", "J_critic"].curves} == {1}


def test_what_is_not_finite_is_left_out(tmp_path: Path) -> None:
    lines = [{"step": 1, "train/vae/J_rec": math.nan}, {"step": 2, "train/vae/J_rec": "x"}]
    record = read_run(write_run(tmp_path / "run", style_config(), lines))
    assert all_groups([record]) == [] and record.steps == 2


def draw(*panels: Panel, runs: tuple[str, ...] = ("a", "b")) -> Figure:
    with figures.drawing():
        return figures.curves_figure(PanelGroup("name", "title", "", panels), runs)


def test_a_figure_is_one_svg_with_its_text_and_is_the_same_twice(records: list[RunRecord]) -> None:
    group = all_groups(records)[0]
    with figures.drawing():
        first, second = (figures.as_svg(figures.curves_figure(group, ("a", "b")), "name") for _ in range(2))
    assert first == second
    texts = {
        "".join(node.itertext()) for node in ElementTree.fromstring(first).iter("{http://www.w3.org/2000/svg}text")
    }
    assert {"J_rec", "a", "b"} <= texts


@pytest.mark.parametrize("name", ["_hidden", "$x^{", "<b>", "a & b"])
def test_names_are_shown_as_they_are(name: str) -> None:
    panel = Panel("J", (Curve(0, "", (1, 2), (1.0, 2.0)), Curve(1, "", (1, 2), (1.0, 2.0))))
    with figures.drawing():
        figure = figures.curves_figure(PanelGroup("n", "t", "", (panel,)), (name, "other"))
        texts = [node.text for node in ElementTree.fromstring(figures.as_svg(figure, "n")).iter() if node.text]
    assert any(text.strip("\u200b") == name for text in texts)


def test_outliers_are_left_out_of_the_axis_and_logarithms_used_where_they_help() -> None:
    spike = Curve(0, "", tuple(range(200)), (1000.0, *(1.0 + 0.01 * n for n in range(199))))
    wide = Curve(0, "", (1, 2, 3), (0.1, 1.0, 100.0))
    few = Curve(0, "", (1, 2, 3), (1.0, 1.1, 1000.0))
    panels = Panel("J", (spike,)), Panel("g", (wide,), logarithmic=True), Panel("d", (few,))
    axes = draw(*panels, runs=("a",)).axes
    assert axes[0].get_ylim()[1] < 5 and axes[1].get_yscale() == "log" and axes[2].get_ylim()[1] > 1000


def test_a_pause_breaks_a_curve() -> None:
    steps, values = figures.broken(Curve(0, "", (10, 20, 30, 500, 510), (1.0, 2.0, 3.0, 4.0, 5.0)))
    assert steps[:3] == [10, 20, 30] and math.isnan(steps[3]) and math.isnan(values[3]) and values[4:] == [4.0, 5.0]


def test_without_matplotlib_people_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from textvae.errors import UserError

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UserError, match=r"textvae\[report\]"), figures.drawing():
        pass
