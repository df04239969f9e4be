"""The judge of acceptance: fitting, files, and what may not change its mind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from textvae.errors import UserError
from textvae.experiment.acceptance import (
    Fitting,
    JudgeData,
    Marks,
    area_under_curve,
    expected_calibration_error,
    fit_classifier,
    folds,
    read_marks,
    threshold_for,
    train_judge,
)
from textvae.experiment.reader_training import ReaderTraining
from textvae.inference.acceptance import AcceptanceJudge
from textvae.inference.rewriting_features import clauses, normalised
from textvae.modules.sentence_reader import SentenceReaderConfig

NOUNS = ("soup", "bread", "waiter", "room", "coffee", "music", "garden", "menu", "price", "view")
GOOD, BAD = ("good", "great", "lovely", "fine"), ("bad", "awful", "poor", "sad")


def sentence(noun: str, word: str, place: int) -> str:
    return (f"the {noun} was {word} .", f"we found the {noun} very {word} .", f"it is a {word} {noun} !")[place]


@pytest.fixture(scope="module")
def judge() -> AcceptanceJudge:
    """Trained for a second on sentences that say one thing of one noun, and fitted to marks made by rule."""
    texts, labels, machine = [], [], []
    for noun in NOUNS:
        for label, words in enumerate((BAD, GOOD)):
            for word in words:
                texts += [sentence(noun, word, place) for place in range(3)]
                labels += [label] * 3
                machine.append(f"{word} the {noun} was {word} .")
    settings = ReaderTraining(SentenceReaderConfig(16, 16), steps=150, batch_size=32, noise=16)
    found = train_judge(JudgeData(texts, labels, [], machine), ("negative", "positive"), settings, lambda text: None)
    fit_classifier(found, [made_marks()], fitting=Fitting(members=3, steps=200, folds=2))
    return found


def made_marks() -> Marks:
    sources, outputs, accepted = [], [], []
    for number, noun in enumerate(NOUNS):
        for place in range(3):
            bad, good = BAD[number % 4], GOOD[(number + place) % 4]
            x = sentence(noun, bad, place)
            y = sentence(noun, good, place)
            broken = " ".join([*y.split()[2:], y.split()[0]])
            sources += [x] * 4
            outputs += [y, x, broken, f"{good} {x}"]
            accepted += [1.0, 0.0, 0.0, 0.0]
    targets = ["positive"] * len(sources)
    return Marks("made", sources, outputs, targets, np.array(accepted), {"accept": np.array(accepted)})


def test_it_prefers_a_rewriting_to_a_copy_and_to_a_broken_sentence(judge: AcceptanceJudge) -> None:
    x = "The soup was awful."
    good, copy, broken, front = judge(
        [x] * 4, ["The soup was great.", x, "was great the . soup", "lovely the soup was awful."], ["positive"] * 4
    )
    assert good > max(copy, broken, front) + 0.05


def test_neither_order_nor_company_nor_way_of_writing_changes_it(judge: AcceptanceJudge) -> None:
    marks = made_marks()
    together = judge(marks.sources, marks.outputs, marks.targets)
    turned = judge(marks.sources[::-1], marks.outputs[::-1], marks.targets[::-1])
    np.testing.assert_allclose(together, turned[::-1], atol=1e-6)
    alone = [judge([x], [y], ["positive"])[0] for x, y in zip(marks.sources[:8], marks.outputs[:8], strict=True)]
    np.testing.assert_allclose(together[:8], alone, atol=1e-6)
    assert judge(["the soup was bad ."], ["the soup was good ."], [1]) == pytest.approx(
        judge(["The soup was bad."], ["The soup was good."], ["positive"])
    )


def test_stored_and_loaded_it_says_the_same(judge: AcceptanceJudge, tmp_path: Path) -> None:
    judge.save(tmp_path)
    loaded, marks = AcceptanceJudge.load(tmp_path), made_marks()
    before, after = (j(marks.sources, marks.outputs, marks.targets) for j in (judge, loaded))
    np.testing.assert_allclose(before, after, atol=0.02)  # weights have 16 bits
    loaded.save(tmp_path / "again")
    again = AcceptanceJudge.load(tmp_path / "again")
    np.testing.assert_array_equal(after, again(marks.sources, marks.outputs, marks.targets))
    assert (again.threshold, again.labels) == (judge.threshold, ("negative", "positive"))


@pytest.mark.parametrize("name", ["acceptance.json", "acceptance.safetensors"])
def test_what_is_damaged_or_missing_is_told(judge: AcceptanceJudge, tmp_path: Path, name: str) -> None:
    judge.save(tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="fit-judge"):
        AcceptanceJudge.load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(UserError, match="is not there"):
        AcceptanceJudge.load(tmp_path)


def test_odd_sentences_are_judged_too(judge: AcceptanceJudge) -> None:
    odd = ["", "zzz qqq", "?", "the " * 200, "日本語"]
    found = judge(odd, odd[::-1], ["negative"] * len(odd))
    assert np.isfinite(found).all() and ((found >= 0) & (found <= 1)).all()
    assert judge([], [], []).shape == (0,)
    with pytest.raises(UserError, match="knows the labels"):
        judge(["a"], ["b"], ["angry"])


def test_clauses_and_words() -> None:
    assert clauses(normalised("Great food, but the service was slow.")) == [
        ("great", "food"),
        ("the", "service", "was", "slow"),
    ]
    assert normalised("I paid $20 twice") == ["i", "paid", "$", "_num_", "twice", "."]


def test_no_source_is_in_two_folds() -> None:
    sources = [f"the {noun} was bad ." for noun in NOUNS] * 2 + [f"The {noun} was bad." for noun in NOUNS]
    found = folds(sources, 5).reshape(3, -1)
    assert (found == found[0]).all()
    assert len(set(found[0].tolist())) > 2


def test_agreement_of_what_is_known() -> None:
    p, accepted = np.array([0.9, 0.8, 0.8, 0.1]), np.array([1.0, 1.0, 0.0, 0.0])
    assert area_under_curve(p, accepted) == pytest.approx(3.5 / 4)
    assert np.isnan(area_under_curve(p, np.ones(4)))
    assert expected_calibration_error(np.array([0.95] * 4 + [0.05] * 2), np.array([1, 1, 1, 0, 0, 0.0])) == (
        pytest.approx((4 * 0.2 + 2 * 0.05) / 6)
    )


def test_the_threshold_keeps_its_promise() -> None:
    p = np.linspace(1, 0, 20)
    accepted = np.array([1.0] * 8 + [0.0, 1.0] + [0.0] * 10)
    chosen = p >= threshold_for(p, accepted, 0.9)
    assert accepted[chosen].mean() >= 0.9 and chosen.sum() == 10
    assert threshold_for(p, np.zeros(20)) == 1.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source\toutput\tstyle\na\tb\t1\n", "needs the columns"),
        ("source\twanted\toutput\taccept\na\tpositive\tb\n", ":2: 3 columns"),
        ("source\twanted\toutput\taccept\na\tpositive\tb\tyes\n", "'yes' is no mark"),
        ("source\twanted\toutput\taccept\na\tpositive\tb\t1\n", "a judge needs both"),
    ],
)
def test_marks_that_are_none(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "marks.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=said):
        read_marks(path)
