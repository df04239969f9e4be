"""The evaluator's rows: laws of copies, references and perfect outputs; caching; JSON and table."""

from __future__ import annotations

import json
import logging
import math
import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from textvae.errors import UserError
from textvae.evaluation.config import EvaluationConfig
from textvae.evaluation.evaluator import COPY, HUMAN, Evaluator
from textvae.evaluation.instruments import cached
from textvae.evaluation.probes import probe
from textvae.evaluation.results import Evaluation
from textvae.evaluation.task import Transfer, TransferTask
from textvae.inference.kneser_ney import KneserNey

from .reviews import STYLE, make_evaluator, restyle, reviews

DIRECTIONS = ["all", "negative to positive", "positive to negative"]
WITHOUT_INTERVAL = {"distinct_1", "distinct_2"}


def exact(evaluator: Evaluator) -> list[str]:
    task = evaluator.task
    return [restyle(x, int(y), 1 - int(y)) for x, y in zip(task.inputs, task.input_labels, strict=True)]


@pytest.fixture(scope="module")
def mixed(evaluator: Evaluator) -> Evaluation:
    """A system between copying and perfection, with an empty output."""
    rng = random.Random(0)
    pairs = zip(exact(evaluator), evaluator.task.inputs, strict=True)
    outputs = [better if rng.random() < 0.6 else f"{copy} again" for better, copy in pairs]
    return evaluator.score(["", *outputs[1:]], name="mixed")


def values(evaluation: Evaluation, system: str, direction: str = "all") -> dict[str, float]:
    return {name: found.value for name, found in evaluation.row(system, direction).measures.items()}


def test_rows(mixed: Evaluation) -> None:
    assert {(row.system, row.direction) for row in mixed.rows} == {
        (system, direction) for system in ("mixed", COPY, HUMAN) for direction in DIRECTIONS
    }
    assert all(row.sentences == (40 if row.direction == "all" else 20) for row in mixed.rows)


def test_copying(evaluator: Evaluator) -> None:
    evaluation = evaluator.score(list(evaluator.task.inputs), name="copier")
    for direction in DIRECTIONS:
        copied = values(evaluation, COPY, direction)
        assert values(evaluation, "copier", direction) == copied
        assert copied["self_bleu"] == pytest.approx(100)
        assert (copied["copy_rate"], copied["word_overlap"]) == (100, 1)
        assert copied["cosine"] == pytest.approx(1)
        assert copied["accuracy"] < 10
        assert copied["ref_bleu"] < 100


def test_perfect_outputs(evaluator: Evaluator) -> None:
    evaluation = evaluator.score(exact(evaluator), name="perfect")
    found, human = values(evaluation, "perfect"), values(evaluation, HUMAN)
    assert found["ref_bleu"] == pytest.approx(100)
    assert found["accuracy"] > 90
    assert (found["copy_rate"], found["word_overlap"]) == (0, 1)
    assert found["geometric_ref"] == pytest.approx(math.sqrt(100 * found["accuracy"]))
    assert math.isnan(human["ref_bleu"]), "a reference is not scored against itself"
    assert {k: v for k, v in human.items() if not k.endswith(("ref", "ref_bleu"))} == {
        k: v for k, v in found.items() if not k.endswith(("ref", "ref_bleu"))
    }


def test_empty_outputs_are_defined(evaluator: Evaluator) -> None:
    found = values(evaluator.score([""] * 40, name="silent"), "silent")
    assert (found["self_bleu"], found["ref_bleu"], found["mean_length"]) == (0, 0, 0)
    assert (found["word_overlap"], found["cosine"], found["copy_rate"], found["empty_rate"]) == (0, 0, 0, 100)
    assert 0 <= found["accuracy"] <= 100 and math.isfinite(found["perplexity"])
    assert math.isnan(found["distinct_1"])


def test_intervals_contain_the_estimates(mixed: Evaluation) -> None:
    for row in mixed.rows:
        for name, found in row.measures.items():
            if name in WITHOUT_INTERVAL or math.isnan(found.value):
                assert math.isnan(found.low)
            else:
                assert found.low - 1e-9 <= found.value <= found.high + 1e-9, (row.system, row.direction, name)
    assert mixed.row("mixed").measures["accuracy"].high - mixed.row("mixed").measures["accuracy"].low > 5


def test_order_of_transfers_does_not_matter(evaluator: Evaluator, mixed: Evaluation) -> None:
    transfers = evaluator.task.align(["", *exact(evaluator)[1:]])
    shuffled = random.Random(1).sample(transfers, len(transfers))
    one, two = (evaluator.score(outputs) for outputs in (transfers, shuffled))
    for direction in DIRECTIONS:
        assert values(one, "system", direction) == pytest.approx(values(two, "system", direction), nan_ok=True)


def test_the_same_outputs_have_the_same_intervals(evaluator: Evaluator, mixed: Evaluation) -> None:
    again = evaluator.score(exact(evaluator))
    for direction in DIRECTIONS:
        assert str(again.row(COPY, direction)) == str(mixed.row(COPY, direction))


def test_directions_add_up(mixed: Evaluation) -> None:
    whole, *parts = (values(mixed, "mixed", direction) for direction in DIRECTIONS)
    for name in ("accuracy", "accuracy_cnn", "copy_rate", "word_overlap", "cosine", "mean_length", "empty_rate"):
        assert whole[name] == pytest.approx((parts[0][name] + parts[1][name]) / 2)
    assert min(p["self_bleu"] for p in parts) <= whole["self_bleu"] <= max(p["self_bleu"] for p in parts)


def test_paired_difference_is_tighter_than_the_parts(evaluator: Evaluator) -> None:
    outputs = list(evaluator.task.inputs)
    outputs[0] = "the pizza was"
    evaluation = evaluator.score(outputs, name="almost")
    found = evaluation.difference("ref_bleu", "almost", COPY)
    alone = evaluation.row(COPY).measures["ref_bleu"]
    assert found.value != 0 and found.low <= found.value <= found.high
    assert found.high - found.low < (alone.high - alone.low) / 2
    same = evaluation.difference("perplexity", COPY, COPY)
    assert same == (0, 0, 0)


def test_without_references(cache: Path) -> None:
    evaluator = make_evaluator(2, cache, references=False)
    evaluation = evaluator.score(exact(evaluator))
    assert {row.system for row in evaluation.rows} == {"system", COPY}
    assert math.isnan(values(evaluation, "system")["ref_bleu"])
    assert "ref BLEU" not in evaluation.table() and "self BLEU" in evaluation.table()


def test_some_references_and_several(evaluator: Evaluator) -> None:
    """The human row has the sentences with references, its BLEU is the first reference's against the others."""
    texts, perfect = list(evaluator.task.inputs), exact(evaluator)
    references = [[perfect[row], perfect[row]] if row < 5 else [] for row in range(40)]
    task = TransferTask(evaluator.task.labels, texts, evaluator.task.input_labels.tolist(), references)
    evaluation = Evaluator(evaluator.instruments, task, evaluator.config).score(perfect)
    human = evaluation.row(HUMAN)
    assert human.sentences == 5
    assert human.measures["ref_bleu"].value == pytest.approx(100)
    assert human.measures["self_bleu"].value < 100
    assert values(evaluation, "system")["ref_bleu"] == pytest.approx(100)
    assert {row.direction for row in evaluation.rows if row.system == HUMAN} == {"all", "negative to positive"}
    assert "nrefs:2" in evaluation.settings["bleu_signature"]


def test_three_labels(cache: Path) -> None:
    evaluator = make_evaluator(3, cache)
    task = evaluator.task
    transfers = [
        Transfer(row, target, restyle(text, source, target))
        for row, (text, source) in enumerate(zip(task.inputs, task.input_labels.tolist(), strict=True))
        for target in range(3)
        if target != source
    ]
    evaluation = evaluator.score(transfers)
    assert len({row.direction for row in evaluation.rows}) == 1 + 6
    row = evaluation.row("system", "neutral to positive")
    assert row.sentences == 20 and row.measures["accuracy"].value > 90
    assert values(evaluation, COPY)["accuracy"] < 10
    with pytest.raises(UserError, match="target"):
        evaluator.score(list(task.inputs))


def test_json(mixed: Evaluation, tmp_path: Path) -> None:
    mixed.save(tmp_path / "metrics.json")
    found = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=pytest.fail)
    first = found["rows"][0]
    assert (first["system"], first["direction"], first["sentences"]) == ("mixed", "all", 40)
    assert first["measures"]["accuracy"]["value"] == mixed.row("mixed").measures["accuracy"].value
    human = next(row for row in found["rows"] if row["system"] == HUMAN)
    assert human["measures"]["ref_bleu"] == {"value": None, "low": None, "high": None}
    settings = found["settings"]
    assert "tok:none" in settings["bleu_signature"] and settings["resamples"] == 200
    assert settings["judges"].keys() == {"ngram", "cnn"} and all(v > 0.9 for v in settings["judges"].values())
    assert "order 3" in settings["language_model"]


def test_table(evaluator: Evaluator, mixed: Evaluation) -> None:
    z, y = np.eye(4), np.array([0, 1, 0, 1])
    table = Evaluation(mixed.rows, mixed.settings, {"z_s": probe(z, y, z, y)}).table()
    lines = table.splitlines()
    assert [line for line in lines if line.startswith("[")] == [f"[{direction}]" for direction in DIRECTIONS]
    assert len({len(line) for line in lines if line.startswith(("mixed", COPY, HUMAN))}) == 1, "columns are aligned"
    assert max(map(len, lines)) <= 125
    for part in ("tok:none", "ngram 100.0 %", "order 3", "200 resamples", "Probe, style from z_s: 100.0 %"):
        assert part in table


def test_bad_calls(evaluator: Evaluator) -> None:
    with pytest.raises(UserError, match="no outputs"):
        evaluator.score([])
    with pytest.raises(UserError, match="39 outputs"):
        evaluator.score(["a"] * 39)
    with pytest.raises(UserError, match=COPY):
        evaluator.score(["a"] * 40, name=COPY)
    with pytest.raises(UserError, match="confidence"):
        EvaluationConfig(confidence=95)
    with pytest.raises(UserError, match="resamples"):
        EvaluationConfig(resamples=-1)


def test_no_resamples(evaluator: Evaluator) -> None:
    evaluator = Evaluator(evaluator.instruments, evaluator.task, EvaluationConfig(resamples=0))
    evaluation = evaluator.score(exact(evaluator))
    assert math.isnan(evaluation.row("system").measures["accuracy"].low)
    assert "±" not in evaluation.table().split("ACC:")[0]


class Unreadable:
    """Training data that may not be read."""

    def __iter__(self) -> Iterator[tuple[str, int]]:
        pytest.fail("training data were read although everything is cached")


def test_cache_is_used_and_keyed(evaluator: Evaluator, cache: Path) -> None:
    def build(fingerprint: str, order: int = 3, dev_seed: int = 1) -> Evaluator:
        config = EvaluationConfig(language_model_order=order, vector_size=20)
        dev = reviews(30, seed=dev_seed)
        return Evaluator.build(
            Unreadable(), dev, evaluator.task, cache_dir=cache, fingerprint=fingerprint, config=config
        )

    again = build("reviews-2")
    texts = list(evaluator.task.inputs)
    for ours, theirs in zip(again.instruments.judges, evaluator.instruments.judges, strict=True):
        np.testing.assert_array_equal(ours.probabilities(texts), theirs.probabilities(texts))
    for other in (
        {"fingerprint": "else"},
        {"fingerprint": "reviews-2", "order": 2},
        {"fingerprint": "reviews-2", "dev_seed": 4},
    ):
        with pytest.raises(pytest.fail.Exception):
            build(**other)  # type: ignore[arg-type]


def test_a_broken_cache_is_trained_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fit() -> KneserNey:
        return KneserNey(2).fit(["a b a b"])

    folder = tmp_path / "cache" / "lm"
    first = cached(folder, KneserNey.load, fit)
    assert {path.name for path in folder.parent.iterdir()} == {"lm"}, "nothing temporary is left"
    for name in ("language_model.safetensors", "language_model.json"):
        whole = (folder / name).read_bytes()
        for damage in (whole[: len(whole) // 2], b""):
            (folder / name).write_bytes(damage)
            with caplog.at_level(logging.WARNING):
                again = cached(folder, KneserNey.load, fit)
            assert "training it again" in caplog.text
            caplog.clear()
            assert again.perplexity(["a"]) == first.perplexity(["a"])
            assert cached(folder, KneserNey.load, lambda: pytest.fail("not stored")).words == first.words


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="another cache folder"):
        cached(tmp_path / "file" / "lm", KneserNey.load, lambda: KneserNey(1).fit(["a"]))


def test_from_corpus(evaluator: Evaluator, tmp_path: Path) -> None:
    """The columns of the project's corpora; references come raw and are prepared here."""
    datasets = pytest.importorskip("datasets")

    def split(pairs: list[tuple[str, int]], references: bool) -> object:
        rows = {"text": [t for t, _ in pairs], "label": [y for _, y in pairs]}
        rows["references"] = [[restyle(t, y, 1 - y).upper()] if references else [] for t, y in pairs]
        return datasets.Dataset.from_dict(rows)

    corpus = SimpleNamespace(
        train=split(reviews(100), False), dev=split(reviews(20, seed=1), False), test=split(reviews(10, seed=2), True),
        labels=("negative", "positive"), fingerprint="corpus",
    )  # fmt: skip
    config = EvaluationConfig(resamples=10, vector_size=5)
    built = Evaluator.from_corpus(corpus, tmp_path, str.lower, style_words=STYLE[0], config=config)  # type: ignore[arg-type]
    assert values(built.score(exact(built)), "system")["ref_bleu"] == pytest.approx(100)
    on_dev = Evaluator.from_corpus(corpus, tmp_path, str.lower, config=config, split="dev")  # type: ignore[arg-type]
    assert len(on_dev.task.inputs) == 40 and on_dev.task.source == "the dev part"
    corpus.test = None
    with pytest.raises(UserError, match="no test part"):
        Evaluator.from_corpus(corpus, tmp_path, str.lower, config=config)  # type: ignore[arg-type]


def test_acceptance_is_told_where_a_judge_is_given(evaluator: Evaluator) -> None:
    """A judge that accepts what differs from the input: its mean with an interval, in JSON and table."""

    class Judge:
        def numbered(self, targets: list[str]) -> None:
            assert list(targets) == ["negative", "positive"]

        def __call__(self, sources: list[str], outputs: list[str], targets: list[str]) -> np.ndarray:
            assert set(targets) <= {"negative", "positive"}
            return np.array([float(x != y) for x, y in zip(sources, outputs, strict=True)])

    without = evaluator.score(exact(evaluator))
    assert "acceptance" not in values(without, "system") | without.settings and "accept" not in without.table()
    judged = Evaluator(evaluator.instruments, evaluator.task, evaluator.config)
    judged.accept_by(Judge(), "by a test")  # type: ignore[arg-type]
    half = [x if row % 2 else y for row, (x, y) in enumerate(zip(exact(judged), judged.task.inputs, strict=True))]
    evaluation = judged.score(half, name="half")
    found = evaluation.row("half").measures["acceptance"]
    assert found.value == 50 and 20 < found.low < 50 < found.high < 80
    assert evaluation.row(COPY).measures["acceptance"] == (0, 0, 0)
    assert "accept" in evaluation.table() and "by a test" in evaluation.table()
