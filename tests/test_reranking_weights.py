"""The search for the weights of reranking."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from textvae.evaluation.config import SelectionConfig
from textvae.evaluation.selection import DevScore
from textvae.experiment.candidate_table import CandidateTable
from textvae.experiment.reranking import SEARCHED, RoundTrips, search_weights
from textvae.inference.reranking import PARTS
from textvae.inference.scorers import RerankingWeights

TRAIN = [("the food is bad .", 0), ("the staff is rude .", 0), ("the food is good .", 1), ("nice staff !", 1)] * 3
INPUTS = ["the food is bad .", "the staff is rude .", "the food is good .", "nice staff and good food !"]
CANDIDATES = [
    ["the food is good .", "the food is bad .", "nice !"],
    ["the staff is nice .", "the staff is rude ."],
    ["the food is bad .", "rude ."],
    ["nice staff and good food !"],
]
TARGETS = [1, 1, 0, 0]
FREE = SelectionConfig(accuracy=0.0)


@pytest.fixture(scope="module")
def dev_score() -> DevScore:
    labels = [1 - target for target in TARGETS]
    return DevScore.fit(TRAIN, zip(INPUTS, labels, strict=True), ("negative", "positive"))


@pytest.fixture(scope="module")
def table(dev_score: DevScore) -> CandidateTable:
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(len(row), len(PARTS))) for row in CANDIDATES]
    return CandidateTable.build(CANDIDATES, parts, INPUTS, hits(dev_score), human=-100.0)


def trips(table: CandidateTable) -> RoundTrips:
    """Sentences whose way back is their way there, so that what should come back is the input."""
    return RoundTrips(table, table)


def hits(dev_score: DevScore) -> np.ndarray:
    """Whether the judge gives each candidate the target."""
    wanted = [target for target, row in zip(TARGETS, CANDIDATES, strict=True) for _ in row]
    return dev_score.judge.predict([text for row in CANDIDATES for text in row]) == np.array(wanted)


def test_the_table_scores_a_choice_as_the_selection_does(table: CandidateTable, dev_score: DevScore) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        weights = RerankingWeights(*rng.normal(size=len(PARTS)))
        chosen = [row[place] for row, place in zip(CANDIDATES, table.choose(weights), strict=True)]
        expected = dev_score(chosen)
        value, found = trips(table).score(weights, FREE)
        assert value == pytest.approx(expected.score), "no choice is less fluent than -100 nats"
        for name in ("score", "accuracy", "self_bleu", "copy_rate"):
            assert getattr(found, name) == pytest.approx(getattr(expected, name)), name


def test_worse_than_human_fluency_costs(table: CandidateTable) -> None:
    weights = RerankingWeights()
    chosen = table.choose(weights)
    fluency = table.parts[np.arange(len(chosen)), chosen, PARTS.index("fluency")].mean()
    strict = CandidateTable(**{**vars(table), "human": fluency + 4.0})
    assert trips(strict).score(weights, FREE)[0] == pytest.approx(trips(table).score(weights, FREE)[0] / np.e)


def test_too_little_accuracy_costs_and_more_than_wanted_brings_nothing(table: CandidateTable) -> None:
    weights, both = RerankingWeights(), trips(table)
    found = both.score(weights, FREE)[1]
    assert found.accuracy > 0
    enough = both.score(weights, SelectionConfig(accuracy=found.accuracy))[0]
    assert enough == pytest.approx(found.score / found.accuracy), "content and copies alone"
    assert both.score(weights, SelectionConfig(accuracy=found.accuracy / 2))[0] == pytest.approx(enough)
    assert both.score(weights, SelectionConfig(accuracy=1.0))[0] == pytest.approx(enough * found.accuracy**8)


def test_what_comes_back_is_what_counts(table: CandidateTable, dev_score: DevScore) -> None:
    """Of two choices of the same way there the one whose way back gives the dev sentences again."""
    parts = [np.zeros((len(row), len(PARTS))) for row in CANDIDATES]
    for row in parts:
        row[:, PARTS.index("overlap")] = np.arange(len(row))
    back = CandidateTable.build(CANDIDATES, parts, INPUTS, hits(dev_score), -100.0, [row[-1] for row in CANDIDATES])
    both = RoundTrips(table, back)
    last, first = (replace(RerankingWeights(*[0.0] * len(PARTS)), overlap=value) for value in (1.0, -1.0))
    assert back.judged(last).content == 1.0 and back.judged(first).content < 1.0
    ratio = both.score(last, FREE)[0] / trips(table).score(last, FREE)[0]
    assert ratio == pytest.approx(table.judged(last).content ** -0.5), "the geometric mean of the two"


def test_the_search_finds_the_part_that_tells(dev_score: DevScore) -> None:
    """Only `content` knows which candidate is the best; every other part misleads."""
    parts = []
    for row in CANDIDATES:
        values = np.full((len(row), len(PARTS)), 0.0)
        values[:, [PARTS.index(name) for name in ("overlap", "kept", "fluency", "model")]] = np.arange(len(row))[
            :, None
        ]
        values[:, PARTS.index("content")] = -np.arange(len(row))
        parts.append(values)
    table = CandidateTable.build(CANDIDATES, parts, INPUTS, hits(dev_score), human=-100.0)
    start = RerankingWeights(content=0.0)
    found = search_weights(trips(table), start, FREE)
    assert table.choose(start).tolist() == [2, 1, 1, 0] and table.choose(found).tolist() == [0, 0, 0, 0]
    assert all(getattr(found, name) in (*values, getattr(start, name)) for name, values in SEARCHED.items())
    assert trips(table).score(found, FREE)[0] > trips(table).score(start, FREE)[0]
