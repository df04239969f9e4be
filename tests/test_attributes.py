"""Two attributes from the command line to sentences: a model of the small sample, whose right answers are all known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from make_attributes import KINDS
from support import run_python

from textvae.cli import main
from textvae.extras.report.style_gallery import style_gallery
from textvae.inference.style_transfer import StyleTransfer, TransferOptions
from textvae.inference.targets import own_labels

pytestmark = pytest.mark.slow

OTHER = {"negative": "positive", "positive": "negative", "past": "present", "present": "past"}
CHANGES = [("sentiment",), ("tense",), ("sentiment", "tense")]
PAST = {"was", "were", "did", "had", "said", "thought", "found", "knew", "hated", "loved", "avoided", "recommended"}
NEGATIVE = {"hated", "hates", "avoided", "avoid", *(negative for negative, _ in KINDS)}
POSITIVE = {"loved", "loves", "recommended", "recommend", *(positive for _, positive in KINDS)}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attributes") / "sample"
    done = run_python("scripts/samples/make_attributes.py", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def run(data: Path, cache: Path) -> Path:
    folder = data.parent / "run"
    given = ("--run", str(folder), "--cache", str(cache), "--data.path", str(data))
    done = run_python("train.py", "--config", "configs/toy/attributes.yaml", *given, timeout=1200)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def rows(data: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (data / "test.jsonl").read_text().splitlines()]


def read(text: str) -> dict[str, str]:
    """The labels of a sentence, as the grammar has them."""
    words = text.split()
    negated = "n't" in words
    negative, positive = (sum(word in table for word in words) for table in (NEGATIVE, POSITIVE))
    sentiment = "mixed" if negative and positive else "negative" if (negative > 0) != negated else "positive"
    return {"sentiment": sentiment, "tense": "past" if PAST & set(words) else "present"}


def changed(model: StyleTransfer, rows: list[dict[str, str]], change: tuple[str, ...], **options: Any) -> list[str]:
    """Every test sentence with the other label of some attributes, the others unnamed."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(tuple(OTHER[row[name]] for name in change), []).append(place)
    outputs = [""] * len(rows)
    for labels, places in groups.items():
        target = dict(zip(change, labels, strict=True))
        found = model([rows[place]["text"] for place in places], target, detokenise=False, contract=False, **options)
        for place, text in zip(places, found, strict=True):
            outputs[place] = text
    return outputs


def test_the_true_rewritings_are_read_as_what_they_are(rows: list[dict[str, str]]) -> None:
    for row in rows:
        sentiment, tense = row["sentiment"], row["tense"]
        assert read(row["text"]) == {"sentiment": sentiment, "tense": tense}
        assert read(row["other_sentiment"]) == {"sentiment": OTHER[sentiment], "tense": tense}
        assert read(row["other_tense"]) == {"sentiment": sentiment, "tense": OTHER[tense]}
        assert read(row["other_both"]) == {"sentiment": OTHER[sentiment], "tense": OTHER[tense]}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_named_changes_and_the_rest_is_kept(
    run: Path, rows: list[dict[str, str]], change: tuple[str, ...]
) -> None:
    """And more than that: most outputs are word for word the one right rewriting of a sentence never seen."""
    outputs = changed(StyleTransfer.from_pretrained(run), rows, change)
    right = "other_both" if len(change) == 2 else f"other_{change[0]}"
    exact = [output == row[right] for output, row in zip(outputs, rows, strict=True)]
    assert sum(exact) > 0.7 * len(rows), outputs[:5]
    for name in ("sentiment", "tense"):
        wanted = [OTHER[row[name]] if name in change else row[name] for row in rows]
        hits = [read(output)[name] == label for output, label in zip(outputs, wanted, strict=True)]
        assert sum(hits) > 0.9 * len(rows), (name, "changed" if name in change else "kept")


def test_metrics_tell_of_each_attribute(run: Path) -> None:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    dev = [line for line in lines if "dev/score" in line][-1]
    for name in ("accuracy_sentiment", "accuracy_tense", "kept_sentiment", "kept_tense"):
        assert dev[f"dev/{name}"] > 0.8  # the judge counts words and does not see through negations
    facts = json.loads((run / "data.json").read_text())
    assert facts["attributes"] == {"sentiment": ["negative", "positive"], "tense": ["past", "present"]}


def test_evaluate_scores_every_attribute(
    run: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["evaluate", str(run), "--save", str(tmp_path), "--cache", str(cache), "--evaluation.resamples", "20"]
    assert main([*given, "--examples", "1"]) == 0
    printed = capsys.readouterr().out
    summary = json.loads((tmp_path / "metrics.json").read_text())
    assert list(summary["attributes"]) == ["sentiment", "tense", "all"]
    for name, found in summary["attributes"].items():
        assert all(value > 85 for judges in found["accuracy"].values() for value in judges.values()), (name, found)
        assert f"== changed: {name}" in printed
        metrics = json.loads((tmp_path / name / "metrics.json").read_text())
        assert metrics["changed"] == name and {row["system"] for row in metrics["rows"]} > {"input copied"}
        assert sum(len((tmp_path / name / f"outputs.{label}").read_text().splitlines()) for label in (0, 1)) == 400
    assert "tense kept: ngram" in printed and "sentiment changed: ngram" in printed
    assert summary["probes"]["tense from z_s[tense]"]["accuracy"] > 0.95
    assert summary["probes"]["sentiment from z_s[sentiment]"]["accuracy"] > 0.95


# ---------------------------------------------------------------------- ranked, retrieved, revised, swept, shown
@pytest.fixture(scope="module")
def ranked(run: Path, cache: Path) -> StyleTransfer:
    """The model with scorers, in a copy of its run."""
    copy = Path(shutil.copytree(run, run.parent / "ranked"))
    options = ["--epochs", "5", "--batch-size", "32"]
    assert main(["fit-scorers", str(copy), *options, "--cache", str(cache)]) == 0
    return StyleTransfer.from_pretrained(copy)


def share(outputs: list[str], wanted: list[str]) -> float:
    return sum(output == text for output, text in zip(outputs, wanted, strict=True)) / len(wanted)


@pytest.mark.parametrize("change", CHANGES)
def test_reranking_lowers_the_accuracy_of_no_attribute(
    ranked: StyleTransfer, rows: list[dict[str, str]], change: tuple[str, ...]
) -> None:
    few, right = rows[::5], "other_both" if len(change) == 2 else f"other_{change[0]}"
    plain, best, near = (changed(ranked, few, change, **o) for o in ({}, {"rerank": True}, {"retrieve_only": True}))
    for name in ("sentiment", "tense"):
        wanted = [OTHER[row[name]] if name in change else row[name] for row in few]
        before, after, found = (share([read(x)[name] for x in texts], wanted) for texts in (plain, best, near))
        assert after >= before and after > 0.98, (name, before, after)
        assert found > 0.98, f"what is retrieved has the {name} wanted"
    assert share(best, [row[right] for row in few]) > 0.95
    assert set(near).isdisjoint(row["text"] for row in few)


def test_a_kept_attribute_counts_in_the_ranking(ranked: StyleTransfer, rows: list[dict[str, str]]) -> None:
    """Of two true rewritings with the sentiment wanted the one in the sentence's own tense has more style."""
    few = rows[::20]
    texts = [row[name] for row in few for name in ("text", "other_sentiment", "other_both")]
    ids = ranked.pad([line.pieces[0].ids for line in ranked.reader.read(texts)])
    with torch.inference_mode():
        own = own_labels(ranked.model, ranked.model.encode(ids, ids > 0).style.mean)
        log_probs = ranked.scorers.style(ids, ids > 0)
    for place, row in enumerate(few):
        target = ranked.target(TransferOptions({"sentiment": OTHER[row["sentiment"]]}))
        wanted = target.wanted(ranked.model.groups, own[3 * place : 3 * place + 1])
        source, kept, lost = (log_probs[3 * place : 3 * place + 3] * wanted).sum(1).tolist()
        assert kept > max(source, lost) + 1.0


def test_revision_keeps_what_is_not_named(ranked: StyleTransfer, rows: list[dict[str, str]]) -> None:
    few = rows[::20]
    revised = changed(ranked, few, ("sentiment",), revise=True, revise_steps=5)
    for name in ("sentiment", "tense"):
        wanted = [OTHER[row[name]] if name == "sentiment" else row[name] for row in few]
        assert share([read(x)[name] for x in revised], wanted) > 0.8, name


def test_a_sweep_has_a_frontier_for_every_attribute(
    run: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["sweep", str(run), "--grid", "strength=0,1", "--save", str(tmp_path), "--cache", str(cache)]
    few = ["--evaluation.resamples", "20"]
    assert main([*command, *few]) == 0
    printed = capsys.readouterr().out
    for name in ("sentiment", "tense", "all"):
        found = json.loads((tmp_path / name / "sweep.json").read_text())
        assert found["changed"] == name and (tmp_path / name / "frontier.svg").exists()
        weak, strong = found["points"]
        for point in (weak, strong):
            metrics = json.loads((tmp_path / name / point["folder"] / "metrics.json").read_text())
            joint = sum(metrics["joint"]["outputs"].values()) / len(metrics["joint"]["outputs"])
            assert point["measures"]["accuracy"]["value"] == pytest.approx(joint, abs=0.01)
            alone = [point["measures"][f"accuracy_of_{other}"]["value"] for other in ("sentiment", "tense")]
            assert point["measures"]["accuracy"]["value"] <= min(alone) + 0.01, "all of them at once is not easier"
        assert strong["measures"]["accuracy"]["value"] > 90 and strong["on_frontier"]
        assert weak["measures"]["accuracy"]["value"] < 80, "a neutral style has no label"
        assert found["baselines"]["input copied"]["accuracy"]["value"] < 20
        assert f"== changed: {name}" in printed
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("metrics.json")}
    assert main([*command, *few, "--quiet"]) == 0
    assert times == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("metrics.json")}, "scored before"


def test_the_page_shows_every_attribute(run: Path, tmp_path: Path) -> None:
    gallery = style_gallery(run, 40, examples=2)
    assert [(c.attribute, c.names) for c in gallery.colourings] == [
        ("sentiment", ("negative", "positive")),
        ("tense", ("past", "present")),
    ]
    assert len(gallery.sentences) == 40 and len(gallery.rewritings) == 8 and len(gallery.journeys) == 3
    for coloured in gallery.colourings:
        names = [coloured.names[label] for label in coloured.labels]
        assert share([read(text)[coloured.attribute] for text in gallery.sentences], names) == 1.0
        assert {m.space for m in coloured.maps} == {f"z_s of {coloured.attribute}", "z_c"}
    for row in gallery.rewritings:
        (name, label), (other, target) = row.source.split("="), row.target.split("=")
        assert name == other and read(row.text)[name] == label and target == OTHER[label]
        assert bool(row.reference) == (name == "sentiment")
    assert main(["report", str(run), "--output", str(tmp_path / "page.html"), "--sentences", "20"]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "no maps" not in page and "z_s of tense" in page
