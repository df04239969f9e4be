"""Two attributes from the command line to sentences: a model of the small sample, whose right answers are all known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import run_python

from textvae.cli import main
from textvae.data.sample_attributes import KINDS
from textvae.inference.style_transfer import StyleTransfer

OTHER = {"negative": "positive", "positive": "negative", "past": "present", "present": "past"}
CHANGES = [("sentiment",), ("tense",), ("sentiment", "tense")]
PAST = {"was", "were", "did", "had", "said", "thought", "found", "knew", "hated", "loved", "avoided", "recommended"}
NEGATIVE = {"hated", "hates", "avoided", "avoid", *(negative for negative, _ in KINDS)}
POSITIVE = {"loved", "loves", "recommended", "recommend", *(positive for _, positive in KINDS)}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attributes") / "sample"
    done = run_python("scripts/make_attributes.py", str(folder))
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


def changed(model: StyleTransfer, rows: list[dict[str, str]], change: tuple[str, ...]) -> list[str]:
    """Every test sentence with the other label of some attributes, the others unnamed."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(tuple(OTHER[row[name]] for name in change), []).append(place)
    outputs = [""] * len(rows)
    for labels, places in groups.items():
        target = dict(zip(change, labels, strict=True))
        found = model([rows[place]["text"] for place in places], target, detokenise=False)
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


def test_what_knows_one_attribute_refuses_two(
    run: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = ["sweep", str(run), "--grid", "strength=1", "--save", str(tmp_path / "sweep"), "--cache", str(cache)]
    for command in (sweep, ["fit-scorers", str(run), "--cache", str(cache)]):
        assert main(command) == 2
        assert "several attributes (sentiment, tense)" in capsys.readouterr().err
    assert main(["report", str(run), "--output", str(tmp_path / "page.html")]) == 0
    assert "no maps and no examples" in (tmp_path / "page.html").read_text()
