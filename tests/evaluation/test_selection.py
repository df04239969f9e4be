"""The score that chooses checkpoints: copying and collapsing lose, the exact transfer wins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textvae.errors import UserError
from textvae.evaluation.config import SelectionConfig
from textvae.evaluation.judges.naive_bayes import NaiveBayesJudge
from textvae.evaluation.selection import DevScore, selection_score
from textvae.evaluation.task import Transfer

from .reviews import STOP_WORDS, restyle, reviews, style_words

SHARE = st.floats(0, 1)
EXCLUDED = style_words() | STOP_WORDS


@pytest.fixture(scope="module")
def score() -> DevScore:
    config = SelectionConfig(max_sentences=60)
    return DevScore.fit(reviews(200), reviews(40, seed=1), ["negative", "positive"], EXCLUDED, config)


def exact(score: DevScore) -> list[str]:
    return [restyle(x, int(y), 1 - int(y)) for x, y in zip(score.task.inputs, score.task.input_labels, strict=True)]


def test_draws_once_from_dev(score: DevScore) -> None:
    assert len(score.task.inputs) == 60
    assert 15 < score.task.input_labels.sum() < 45
    again = DevScore.fit(reviews(200), reviews(40, seed=1), ["negative", "positive"], config=score.config)
    assert again.task.inputs == score.task.inputs


def test_exact_transfer_beats_copying_and_collapse(score: DevScore) -> None:
    perfect = score(exact(score))
    assert perfect.accuracy > 0.95 and perfect.word_overlap == 1 and perfect.copy_rate == 0
    assert perfect.score == pytest.approx(perfect.accuracy * perfect.self_bleu)
    copied = score(list(score.task.inputs))
    assert (copied.score, copied.self_bleu, copied.copy_rate) == (0, pytest.approx(1), 1)
    one_line = score(["the soup was great ." if y == 0 else "the soup was awful ." for y in score.task.input_labels])
    assert one_line.accuracy == 1 and one_line.score < perfect.score
    assert score([""] * 60).score == 0
    assert score([]).score == 0


def test_copying_half_costs(score: DevScore) -> None:
    mixed = [a if i % 2 else b for i, (a, b) in enumerate(zip(exact(score), score.task.inputs, strict=True))]
    found = score(mixed)
    assert found.copy_rate == 0.5
    assert found.score == pytest.approx(found.accuracy * found.self_bleu * 0.5 / 0.9)


def test_content_by_overlap(score: DevScore) -> None:
    other = DevScore(score.judge, score.task, EXCLUDED, SelectionConfig(content="word_overlap"))
    found = other(exact(score))
    assert found.score == pytest.approx(found.accuracy * found.word_overlap)


def test_three_labels_with_transfers() -> None:
    labels = ["negative", "positive", "neutral"]
    score = DevScore.fit(reviews(200, 3), reviews(20, 3, seed=1), labels)
    outputs = [
        Transfer(row, (int(y) + 1) % 3, restyle(x, int(y), (int(y) + 1) % 3))
        for row, (x, y) in enumerate(zip(score.task.inputs, score.task.input_labels, strict=True))
    ]
    assert score(outputs).accuracy > 0.9
    with pytest.raises(UserError, match="target"):
        score(list(score.task.inputs))


@given(SHARE, SHARE, SHARE, SHARE.filter(lambda limit: limit < 1))
def test_selection_score_laws(accuracy: float, content: float, copied: float, limit: float) -> None:
    found = selection_score(accuracy, content, copied, limit)
    assert 0 <= found <= accuracy * content
    if copied <= limit:
        assert found == accuracy * content
    assert selection_score(accuracy, content, 1, limit) == 0
    assert selection_score(accuracy, content, min(1, copied + 0.1), limit) <= found


def test_its_judge_does_not_report() -> None:
    from textvae.evaluation.instruments import JUDGES

    assert NaiveBayesJudge not in JUDGES.values()


def test_configuration_is_checked() -> None:
    with pytest.raises(UserError, match="copy_limit"):
        SelectionConfig(copy_limit=1)
    with pytest.raises(UserError, match="max_sentences"):
        SelectionConfig(max_sentences=0)
