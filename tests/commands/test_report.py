"""`textvae report` on runs that were really trained."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from report.test_page import checked

from textvae import StyleTransfer
from textvae.cli import main
from textvae.config import load_config
from textvae.errors import UserError
from textvae.extras.report.records import read_run
from textvae.extras.report.style_gallery import STEPS, style_gallery
from textvae.extras.report.style_model import StyleModel
from textvae.extras.report.summary_gallery import summarised


def test_the_page_of_a_trained_style_run(trained_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert main(["report", str(trained_run), "--output", str(page), "--sentences", "40"]) == 0
    assert "page.html (" in capsys.readouterr().out and [p.name for p in tmp_path.iterdir()] == ["page.html"]
    found = checked(page.read_text())
    assert len(found.all("circle")) == 4 * 40 and "no maps" not in found.text
    assert [found.text.count(f"{space} moves") for space in ("content", "style")] == [3, 3]


def test_the_gallery_shows_what_the_model_does(trained_run: Path) -> None:
    found = style_gallery(trained_run, 20, examples=3)
    transfer = StyleTransfer.from_pretrained(trained_run)
    assert len(found.sentences) == 20 and found.colourings[0].labels == [0] * 10 + [1] * 10
    for row in found.rewritings:
        assert transfer(row.text, target=row.target, detokenise=False) == row.output and row.source != row.target
    assert len(found.rewritings) == 6 and all(row.reference for row in found.rewritings)
    for journey in found.journeys:
        assert [strip.moved for strip in journey.strips] == ["content", "style", "both"]
        assert all(len(strip.texts) == STEPS for strip in journey.strips)
        content, style, both = (strip.texts for strip in journey.strips)
        assert content[0] == style[0] == both[0]


def test_points_do_not_depend_on_the_other_sentences(trained_run: Path) -> None:
    model = StyleModel.open(trained_run)
    texts = model.sentences("dev", 15).texts
    together, alone = model.encode(texts).means, [model.encode([text]).means for text in texts]
    for space in ("z_s", "z_c"):
        np.testing.assert_allclose(together[space], np.concatenate([a[space] for a in alone]), atol=1e-5)
    assert model.encode(texts, np.zeros(30, np.int64)).kl["z_s"].min() >= 0


def test_a_run_in_training_has_a_page(trained_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained_run, run, ignore=shutil.ignore_patterns("best"))
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(lines[:3]) + lines[3][:40])
    assert main(["report", str(run), "--quiet"]) == 0
    found = checked((run / "report.html").read_text())
    assert "holds no trained model" in found.text and "J_rec" in found.text


@pytest.mark.parametrize(
    "text", ["model: {from_the_future: 3}", "a: [", "- 1", "3", "training: {seed: x}", "task: sing"]
)
def test_a_configuration_of_another_version_is_told(trained_run: Path, tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="config.yaml cannot be used"):
        (tmp_path / "config.yaml").write_text(text)
        load_config(tmp_path / "config.yaml")
    run = tmp_path / "run"
    shutil.copytree(trained_run, run)
    (run / "config.yaml").write_text(text)
    assert main(["report", str(run), "--quiet"]) == 0
    checked((run / "report.html").read_text())


def test_moved_data_are_found_again(trained_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained_run, run)
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("path: data/sample", "path: nowhere"))
    page, arguments = run / "report.html", ["report", str(run), "--quiet", "--sentences", "10"]
    assert main(arguments) == 0 and "nowhere" in checked(page.read_text()).text
    assert not checked(page.read_text()).all("circle")
    assert main([*arguments, "--data", "data/sample"]) == 0 and checked(page.read_text()).all("circle")
    assert capsys.readouterr().out == ""


def test_the_page_of_a_trained_summarizer(short_run: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main(["report", str(short_run), "--output", str(page), "--quiet"]) == 0
    found = checked(page.read_text())
    assert "dev at step" in found.text and "no maps" not in found.text
    rows = summarised(read_run(short_run), 5)
    assert len(rows) == 5 and all(row.document in found.text for row in rows[:1])
    assert all(row.reference and row.document for row in rows)


def test_wrong_input(trained_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2 and "holds no run" in capsys.readouterr().err
    assert main(["report", str(trained_run), "--sentences", "-1"]) == 2
    assert main(["report", str(trained_run), "--output", str(tmp_path)]) == 2
    target = tmp_path / "file" / "page.html"
    target.parent.write_text("")
    assert main(["report", str(trained_run), "--quick", "--output", str(target)]) == 2
    assert "cannot be written" in capsys.readouterr().err
