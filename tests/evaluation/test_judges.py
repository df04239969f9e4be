"""Laws of every judge: what it learns, what it may not depend on, what it writes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from textvae.errors import UserError
from textvae.evaluation.judges.base import Judge
from textvae.evaluation.judges.cnn import CnnJudge, CnnSettings
from textvae.evaluation.judges.naive_bayes import NaiveBayesJudge
from textvae.evaluation.judges.ngram import NgramJudge

from .reviews import reviews

SMALL = CnnSettings(embedding_size=16, channels=8, batch_size=32, learning_rate=1e-2, min_updates=120, min_check=20)
KINDS: dict[str, Callable[[int], Judge]] = {
    "ngram": lambda labels: NgramJudge(labels, bits=14),
    "cnn": lambda labels: CnnJudge(labels, settings=SMALL),
    "naive_bayes": lambda labels: NaiveBayesJudge(labels, bits=14),
}
DEV = {labels: reviews(40, labels, seed=1) for labels in (2, 3)}
ODD = ["", " ", "zyzzyva", ". . .", "word " * 400, "the pizza was awful . \u2028 ok"]


@pytest.fixture(scope="module", params=[(kind, labels) for kind in KINDS for labels in (2, 3)], ids=str)
def judge(request: pytest.FixtureRequest) -> Judge:
    kind, labels = request.param
    return KINDS[kind](labels).fit(reviews(150, labels), DEV[labels])


def test_learns_from_files_in_label_order(judge: Judge) -> None:
    texts, labels = zip(*DEV[judge.num_labels], strict=True)
    accuracy = float(np.mean(judge.predict(texts) == np.array(labels)))
    assert accuracy >= 0.95
    assert judge.dev_accuracy == accuracy


def test_probabilities_are_a_distribution(judge: Judge) -> None:
    found = judge.probabilities([text for text, _ in DEV[judge.num_labels]] + ODD)
    assert found.shape == (len(DEV[judge.num_labels]) + len(ODD), judge.num_labels)
    assert np.isfinite(found).all() and (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_no_texts(judge: Judge) -> None:
    assert judge.probabilities([]).shape == (0, judge.num_labels)
    assert judge.predict([]).shape == (0,)


def test_permuting_texts_permutes_probabilities(judge: Judge) -> None:
    texts = [text for text, _ in DEV[judge.num_labels]] + ODD
    order = random.Random(3).sample(range(len(texts)), len(texts))
    permuted = judge.probabilities([texts[row] for row in order])
    np.testing.assert_allclose(permuted, judge.probabilities(texts)[order], atol=1e-5)


def test_alone_is_as_in_a_batch(judge: Judge) -> None:
    texts = [DEV[judge.num_labels][0][0], *ODD]
    alone = np.concatenate([judge.probabilities([text]) for text in texts])
    np.testing.assert_allclose(alone, judge.probabilities(texts), atol=1e-5)


def test_save_load(judge: Judge, tmp_path: Path) -> None:
    judge.save(tmp_path / "judge")
    assert {path.suffix for path in (tmp_path / "judge").iterdir()} == {".safetensors", ".json"}
    json.loads((tmp_path / "judge" / "judge.json").read_text(), parse_constant=pytest.fail)  # no NaN
    loaded = type(judge).load(tmp_path / "judge")
    texts = [text for text, _ in DEV[judge.num_labels]] + ODD
    np.testing.assert_array_equal(loaded.probabilities(texts), judge.probabilities(texts))
    assert (loaded.dev_accuracy, loaded.num_labels, loaded.seed) == (
        judge.dev_accuracy,
        judge.num_labels,
        judge.seed,
    )
    assert loaded.describe() == judge.describe()


def test_load_refuses_another_kind(judge: Judge, tmp_path: Path) -> None:
    judge.save(tmp_path)
    other = NgramJudge if not isinstance(judge, NgramJudge) else CnnJudge
    with pytest.raises(UserError, match=judge.name):
        other.load(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_judge_and_no_trace_in_the_global_state(kind: str) -> None:
    found = []
    for outer_seed in (1, 2):
        torch.manual_seed(outer_seed)
        np.random.seed(outer_seed)
        before = torch.get_rng_state()
        found.append(KINDS[kind](2).fit(reviews(60), DEV[2]).probabilities([text for text, _ in DEV[2]]))
        assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_skewed_corpus_does_not_skew_the_judge(kind: str) -> None:
    train = reviews(400)[:440]  # ten negative for each positive
    texts, labels = zip(*DEV[2], strict=True)
    right = KINDS[kind](2).fit(train, DEV[2]).predict(texts) == np.array(labels)
    assert right[np.array(labels) == 1].mean() >= 0.85


@pytest.mark.parametrize("kind", KINDS)
def test_bad_training_data(kind: str) -> None:
    with pytest.raises(UserError, match="two labels"):
        KINDS[kind](1)
    with pytest.raises(UserError, match="label 1"):
        KINDS[kind](2).fit([("the pizza was awful .", 0)], [])
    with pytest.raises(UserError, match="label 0, 1"):
        KINDS[kind](2).fit([], [])
    with pytest.raises(UserError, match="label 5"):
        KINDS[kind](2).fit([("a", 0), ("b", 1), ("c", 5)], [])
    with pytest.raises(UserError, match="label -1"):
        KINDS[kind](2).fit([("a", 0), ("b", 1), ("c", -1)], [])


@pytest.mark.parametrize("kind", KINDS)
def test_without_dev(kind: str, tmp_path: Path) -> None:
    judge = KINDS[kind](2).fit(iter(reviews(60)), iter(()))
    assert judge.dev_accuracy is None
    judge.save(tmp_path)
    assert type(judge).load(tmp_path).dev_accuracy is None
    texts, labels = zip(*DEV[2], strict=True)
    assert np.mean(judge.predict(texts) == np.array(labels)) >= 0.8


def test_cnn_keeps_the_state_with_the_best_dev_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    losses: list[float] = []
    measure = CnnJudge._dev_loss

    def recording(self: CnnJudge, dev: list[tuple[str, int]]) -> float:
        losses.append(measure(self, dev))
        return losses[-1]

    monkeypatch.setattr(CnnJudge, "_dev_loss", recording)
    noisy = [(text, label if number % 5 else 1 - label) for number, (text, label) in enumerate(reviews(40))]
    settings = CnnSettings(learning_rate=1e-2, batch_size=8, min_updates=400, min_check=20, dropout=0, word_dropout=0)
    judge = CnnJudge(2, settings=settings).fit(noisy, DEV[2])
    assert measure(judge, DEV[2]) == pytest.approx(min(losses), rel=1e-5)
    assert losses[-1] > min(losses) and len(losses) < 20, "the case does not stop early: it tests nothing"


def test_naive_bayes_by_hand() -> None:
    """One word a sentence: p(good | 1) from counts (2 + α) and (1 + α) of V hashed features."""
    judge = NaiveBayesJudge(2, bits=10, alpha=1.0).fit([("good", 1), ("good", 1), ("good", 0), ("bad", 0)], [])
    positive, negative = (2 + 1) / (2 + 2**10), (1 + 1) / (2 + 2**10)
    np.testing.assert_allclose(judge.probabilities(["good"])[0, 1], positive / (positive + negative), rtol=1e-5)
