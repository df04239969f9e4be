"""The page of made-up runs: whole, safe, and complete in itself."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report.fabricated import (
    NASTY,
    style_config,
    style_evaluation,
    style_lines,
    summary_config,
    summary_evaluation,
    summary_lines,
    write_run,
)

from textvae.errors import UserError
from textvae.extras.report import page, tables
from textvae.extras.report.latent_maps import Map
from textvae.extras.report.page import Builder, Page, PageOptions, build_page, render
from textvae.extras.report.records import read_run
from textvae.extras.report.style_gallery import Colouring, Journey, Rewriting, Strip, StyleGallery
from textvae.extras.report.summary_gallery import Summarised


class Reader(HTMLParser):
    """Elements with their attributes, and all text outside scripts and styles."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, html: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def checked(html: str) -> Reader:
    """The page, after the laws of every page: elements nest, nothing is fetched, and only our own script can run."""
    found = Reader(html)
    assert found.open == [] and html.lstrip().startswith("<!doctype html>")
    assert [a.get("type") for a in found.all("script")].count(None) == 1
    links = [v for _, a in found.elements for k, v in a.items() if k in ("src", "href", "srcset", "action", "data")]
    assert all(str(v).startswith(("data:image/svg+xml;base64,", "#")) for v in links)
    assert not [k for _, a in found.elements for k in a if k.startswith("on")]
    assert {tag for tag, _ in found.elements}.isdisjoint({"link", "iframe", "object", "embed", "base", "form"})
    assert not re.search(r"url\(|@import", html.partition("<body>")[0])
    policy = next(str(a["content"]) for a in found.all("meta") if "http-equiv" in a)
    assert "default-src 'none'" in policy and "unsafe-inline' script" not in policy and "script-src 'sha256-" in policy
    return found


def gallery(text: str) -> StyleGallery:
    points = np.linspace(0, 1, 12).reshape(6, 2)
    maps = [Map(space, method, points, text) for space in ("z_s", "z_c") for method in ("PCA", "t-SNE")]
    return StyleGallery(
        sentences=[text, *"abcde"],
        colourings=[Colouring(("bad", f"good {text}"), [0, 1, 0, 1, 0, 1], maps)],
        kl={"z_s": np.array([0.1, 2.0]), "z_c": np.ones(3)},
        rewritings=[Rewriting(text, "bad", "good", f"{text} now", text), Rewriting("it is", "good", "bad", "it", "")],
        journeys=[Journey(text, "end", (Strip("content", (text, "other", "end")),))],
    )


def build(*runs: Path, **options: Any) -> str:
    return build_page([read_run(run) for run in runs], PageOptions(**options), lambda text: None)


@pytest.fixture
def style_run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "style", style_config(), style_lines(100), style_evaluation("style"))


@pytest.fixture
def news_run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "news", summary_config(), summary_lines(100), summary_evaluation("news"))


def test_nothing_of_the_data_becomes_markup(
    style_run: Path, news_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "style_gallery", lambda *_: gallery(NASTY))
    monkeypatch.setattr(page, "summarised", lambda _: [Summarised(NASTY, f"new {NASTY}", NASTY)])
    config = style_config()
    config["training"]["seed"], config["objectives"]["J_rec"]["schedule"] = NASTY, NASTY
    evil = write_run(tmp_path / "<img src=x onerror=alert(1)>", config, style_lines(100), style_evaluation(NASTY))
    (evil / "environment.json").write_text('{"command": "train.py --x <script>1</script>", "commit": "</td><b>"}')
    (evil / "data.json").write_text('{"fingerprint": "<script>", "labels": ["<i>"], "train": 3}')
    html = build(style_run, evil, news_run)
    found = checked(html)
    assert found.text.count("<script>alert('x')</script>") >= 8
    assert "<img src=x onerror=alert(1)>" in found.text and "train.py --x <script>1</script>" in found.text
    assert not found.all("i") and len(found.all("img")) == 7
    data = re.search(r'<script type="application/json">(.*?)</script>', html, re.S)
    assert data and "\\u003cscript\\u003e" in data[1]


def test_a_style_page_holds_facts_terms_tables_maps_and_examples(
    style_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "style_gallery", lambda *_: gallery("the food was bad"))
    html = build(style_run)
    found = checked(html)
    assert len(found.all("circle")) == 4 * 6 and len(found.all("svg")) == 4
    assert len(found.all("img")) == 5  # objectives, dev, gradients, schedules, KL of units
    for text in ("finished at 100", "abc123", "ffffffffffff", "−Σ_t log p(x_t | z_s, z_c, x_<t)", "0.03, tanh over 50"):
        assert text in found.text, text
    assert "90.0" in found.text and "89.0 to 91.0" in found.text and "input copied" in found.text
    assert '<mark class="gone">is</mark>' in html and '<mark class="new">now</mark>' in html
    assert "No alarm" not in found.text


def test_a_summarizer_s_page_holds_alarms_lead_and_examples(news_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "summarised", lambda _: [Summarised("The mayor closed it .", "mayor opened", "closed")])
    html = build(news_run)
    found = checked(html)
    assert "LEAD at every length" in found.text and "ROUGE F1" in found.text
    assert '<mark class="gone">opened</mark>' in html and '<mark class="">mayor</mark>' in html
    assert "Copies the beginning" not in found.text  # without symptoms the evaluation was not asked
    assert found.text.count("No alarm.") == 1


def test_alarms_while_training_are_those_of_the_last_evaluation(tmp_path: Path) -> None:
    lines = summary_lines(50)
    lines[-1]["dev/lead_rate"] = 95.0
    run = write_run(tmp_path / "news", summary_config(), lines, tail='{"step": 60, "tra')
    found = checked(build(run, model=False))
    assert "95 % of the summaries are the first words of their documents" in found.text
    assert "dev at step 50" in found.text and "--quick" in found.text


def test_several_runs_stand_side_by_side(style_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = write_run(
        tmp_path / "other", style_config(seed=9), style_lines(50), style_evaluation("x", 80.0), fingerprint="e" * 64
    )
    config = style_config()
    config["objectives"]["adversarial"] = "entropy"
    entropy = write_run(tmp_path / "entropy", config, [])
    galleries = iter([gallery("the food"), gallery("the food"), gallery("the food")])
    monkeypatch.setattr(page, "style_gallery", lambda *_: next(galleries))
    found = checked(build(style_run, other, entropy))
    assert "training.seed" in found.text and "different data" in found.text
    assert "KL(uniform ‖ y)" in found.text and "−H(y)" in found.text  # each run's own form of J_adv
    assert len(found.all("svg")) == 12 and found.text.count("input copied") == 2  # once in each of two directions
    assert "79.0 to 81.0" in found.text and "89.0 to 91.0" in found.text


def test_a_run_that_has_just_begun_has_a_page(tmp_path: Path) -> None:
    run = write_run(tmp_path / "new", style_config(), [], tail='{"step": 10, "time"')
    found = checked(build(run))
    assert "Nothing has been logged yet" in found.text and "no maps and no examples" in found.text


def test_a_broken_run_has_a_page_that_says_so(style_run: Path) -> None:
    (style_run / "config.yaml").write_text("a: [")
    (style_run / "evaluation" / "metrics.json").write_text('{"rows": [3, {"measures": 4}], "probes": 1, "settings": 2}')
    found = checked(build(style_run))
    assert "config.yaml cannot be read" in found.text


@pytest.mark.parametrize("part", ["rows", "probes", "settings", "alarms", "symptoms"])
@pytest.mark.parametrize("value", [3, [3], {"a": 3}, [{"system": [], "measures": {"x": 1}}], "text", None])
def test_evaluations_of_any_shape_have_a_page(style_run: Path, news_run: Path, part: str, value: object) -> None:
    for run in (style_run, news_run):
        path = run / "evaluation" / "metrics.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), part: value}))
        record = read_run(run)
        made = Page("t", ("n",), ["s"], {}, None, {})
        Builder([record], PageOptions(), lambda text: None).results(made)
        table = tables.summary_table(record, 0, "n")
        made.summary_tables = [(table, None)] if table else []
        checked(render(made))


def test_what_the_model_lacks_is_said_in_the_page(style_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> StyleGallery:
        raise UserError("the data are gone <b>")

    monkeypatch.setattr(page, "style_gallery", fail)
    assert "since the data are gone <b>" in checked(build(style_run)).text


def test_figures_are_files_too(
    style_run: Path, news_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "style_gallery", lambda *_: gallery("x"))
    monkeypatch.setattr(page, "summarised", lambda _: [])
    build(style_run, news_run, figures=tmp_path / "figures")
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    stems = {"objectives", "dev", "symptoms", "gradients", "schedules", "kl_units", "maps-style", "lead-news"}
    assert names == {f"{stem}.{suffix}" for stem in stems for suffix in ("svg", "png")}
    assert all((tmp_path / "figures" / f"{s}.png").read_bytes().startswith(b"\x89PNG") for s in stems)
