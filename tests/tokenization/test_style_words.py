"""Style words are found where they were planted, by the published formula, for any number of labels."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textvae.errors import UserError
from textvae.text import TextConfig
from textvae.tokenization import style_words as module
from textvae.tokenization.style_words import StyleWords, StyleWordsConfig, find_style_words, log_odds

TOPICS = ("pizza", "room", "waiter", "coffee", "music", "street", "garden", "window")
PLANTED = (("awful", "rude", "bland"), ("great", "lovely", "crisp"), ("meh", "okay", "average"))


def planted(num_labels: int, n: int = 600, seed: int = 0) -> tuple[list[str], list[int]]:
    """Sentences whose topic says nothing about the label and whose verdict says it nine times in ten."""
    rng = random.Random(seed)
    texts, labels = [], []
    for i in range(n):
        label = i % num_labels
        shown = label if rng.random() < 0.9 else rng.randrange(num_labels)
        topics = rng.sample(TOPICS, 2)
        texts.append(f"the {topics[0]} was {rng.choice(PLANTED[shown])} , and the {topics[1]} too _num_ <unk> !")
        labels.append(label)
    return texts, labels


@pytest.mark.parametrize("num_labels", [2, 3])
def test_planted_words_are_found_and_nothing_else(num_labels: int) -> None:
    found = find_style_words(*planted(num_labels), num_labels, StyleWordsConfig(max_ngram=1))
    assert [set(words) for words in found.by_label] == [set(PLANTED[label]) for label in range(num_labels)]
    assert found.words == {word for label in range(num_labels) for word in PLANTED[label]}
    for words in found.by_label:
        assert list(words.values()) == sorted(words.values(), reverse=True)
        assert min(words.values()) >= StyleWordsConfig.min_z


def test_labels_of_unequal_size_share_no_style_words() -> None:
    texts, labels = planted(2, n=4000)
    kept = [i for i, label in enumerate(labels) if label == 0 or i % 10 == 1]
    found = find_style_words([texts[i] for i in kept], [labels[i] for i in kept], 2, StyleWordsConfig(max_ngram=1))
    assert [set(words) for words in found.by_label] == [set(PLANTED[0]), set(PLANTED[1])]


def test_phrases_of_neutral_words_are_found() -> None:
    texts = ["we want to go back soon", "they had to go home soon"] * 60 + ["we want home", "they had back"] * 60
    labels = [0, 1] * 60 + [1, 0] * 60
    found = find_style_words(texts, labels, 2, StyleWordsConfig(max_ngram=2, min_z=3, min_count=5))
    assert not {"we", "want", "they", "had"} & found.words
    assert "want to" in found.by_label[0] and "had to" in found.by_label[1]
    assert found.phrases and all(" " in phrase for phrase in found.phrases)


def test_phrases_with_a_style_word_are_not_repeated() -> None:
    found = find_style_words(*planted(2), 2, StyleWordsConfig(max_ngram=3, min_z=2))
    for words in found.by_label:
        singles = {word for word in words if " " not in word}
        assert not [phrase for phrase in words if " " in phrase and set(phrase.split(" ")) & singles]


def test_ngrams_cross_no_punctuation_masks_or_unknown_words() -> None:
    ngrams = dict(module._ngrams("so good , not bad <unk> at all _num_ ok a+", 3))
    assert ngrams[1] == ["so", "good", "not", "bad", "at", "all", "ok", "a+"]
    assert ngrams[2] == ["so good", "not bad", "at all", "ok a+"]
    assert ngrams[3] == []
    assert dict(module._ngrams("do n't go back", 3))[3] == ["do n't go", "n't go back"]


def test_log_odds_is_the_published_formula() -> None:
    # Monroe et al. (2008): the point estimate is the difference of posterior log-odds; its variance is that of
    # the log-odds ratio of two Dirichlet posteriors, which sampling must confirm for counts that are not tiny.
    y, n, rest, m, prior = 60, 1_000, 30, 1_500, 200.0
    a = prior * (y + rest) / (n + m)
    rng = np.random.default_rng(0)
    inside = rng.beta(y + a, n - y + prior - a, 200_000)
    outside = rng.beta(rest + a, m - rest + prior - a, 200_000)
    sampled = np.log(inside / (1 - inside)) - np.log(outside / (1 - outside))
    delta, z = log_odds(y, n, rest, m, prior)
    assert delta == pytest.approx(sampled.mean(), abs=0.02)
    assert delta / z == pytest.approx(sampled.std(), rel=0.05)
    assert delta == pytest.approx(math.log(67.2 / 1_132.8) - math.log(37.2 / 1_662.8))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 50), st.integers(51, 500), st.integers(0, 50), st.integers(51, 500), st.floats(0.1, 100))
def test_log_odds_is_antisymmetric_and_a_larger_prior_shrinks_it(
    y: int, n: int, rest: int, m: int, prior: float
) -> None:
    if y + rest == 0:
        return
    delta, z = log_odds(y, n, rest, m, prior)
    back, back_z = log_odds(rest, m, y, n, prior)
    assert delta == pytest.approx(-back) and z == pytest.approx(-back_z)
    assert abs(log_odds(y, n, rest, m, prior * 10)[0]) <= abs(delta) + 1e-9


def test_pruning_drops_only_rare_ngrams(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, labels = planted(2, n=20_000)
    texts = [f"{text} noise{i} noise{i} x{i}" for i, text in enumerate(texts)]
    monkeypatch.setattr(module, "_MAX_NGRAMS", 4_000)
    counts, totals = module._count(texts, labels, [2], StyleWordsConfig(max_ngram=2))
    assert all(sum(map(len, by_label)) <= 2_000 for by_label in counts.values())
    assert sum(totals[1]) == sum(len(dict(module._ngrams(text, 1))[1]) for text in texts)
    assert counts[1][0]["awful"] + counts[1][1]["awful"] == sum("awful" in text for text in texts)


def test_texts_are_streamed() -> None:
    consumed = 0

    def texts() -> Iterator[str]:
        nonlocal consumed
        for text in planted(2)[0]:
            consumed += 1
            yield text

    def labels() -> Iterator[int]:
        for i, label in enumerate(planted(2)[1]):
            assert consumed <= i + 1, "the texts were read ahead of their labels"
            yield label

    find_style_words(texts(), labels(), 2)


def test_lexicon_adds_words_and_phrases(tmp_path: Path) -> None:
    lexicon = tmp_path / "lexicon.txt"
    lexicon.write_text(
        "Yuck\tnegative\n\nawful\tnegative\nsuperb\t1\nnot my thing\tnegative\ngroovy\n", encoding="utf-8"
    )
    config = StyleWordsConfig(max_ngram=1, lexicon=str(lexicon))
    found = find_style_words(*planted(2), 2, config, ["negative", "positive"])
    assert found.by_label[0]["yuck"] == 0.0 and found.by_label[1]["superb"] == 0.0
    assert found.by_label[0]["awful"] > 4  # what the data say is kept
    assert found.unlabelled == {"groovy"} and found.phrases == {"not my thing"}
    assert {"yuck", "superb", "groovy", "great"} <= found.words
    cased = find_style_words(*planted(2), 2, config, ["negative", "positive"], TextConfig(lowercase=False))
    assert "Yuck" in cased.by_label[0]


def test_infinite_threshold_leaves_the_lexicon_alone(tmp_path: Path) -> None:
    (tmp_path / "l").write_text("yuck\n")
    found = find_style_words(*planted(2), 2, StyleWordsConfig(min_z=math.inf, lexicon=str(tmp_path / "l")))
    assert found.words == {"yuck"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"good\tpositive\nbad\tnegativ\n", r"lexicon.txt:2: unknown label 'negativ'; the labels are 0, 1, negative"),
        (b"good\tpositive\textra\n", r"lexicon.txt:1: expected one word"),
        (b"fine\n\xff\xfe\n", r"lexicon.txt:2: byte 1 .* not UTF-8"),
        (b"fine\nno\x00\n", r"lexicon.txt:2: byte 3 is NUL"),
        (b"\tpositive\n", r"lexicon.txt:1: expected one word"),
    ],
)
def test_bad_lexicon_lines_are_named(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "lexicon.txt").write_bytes(content)
    config = StyleWordsConfig(lexicon=str(tmp_path / "lexicon.txt"))
    with pytest.raises(UserError, match=message):
        find_style_words(*planted(2), 2, config, ["negative", "positive"])


def test_a_missing_lexicon_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        find_style_words(*planted(2), 2, StyleWordsConfig(lexicon=str(tmp_path / "none")))


def test_impossible_inputs() -> None:
    with pytest.raises(UserError, match="at least two labels"):
        find_style_words(["a"], [0], 1)
    with pytest.raises(UserError, match=r"\[2, 0\]"):
        find_style_words(["a", "b"], [0, 0], 2)
    with pytest.raises(ValueError, match="label 2"):
        find_style_words(["a"], [2], 2)
    with pytest.raises(ValueError, match="shorter"):
        find_style_words(["a", "b"], [0], 2)
    with pytest.raises(UserError, match="prior"):
        StyleWordsConfig(prior=0)
    with pytest.raises(UserError, match="max_ngram"):
        StyleWordsConfig(max_ngram=0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.integers(0, 2)), max_size=20))
def test_any_text_is_counted_without_a_crash(rows: list[tuple[str, int]]) -> None:
    texts, labels = ["x", "y", "z", *(text for text, _ in rows)], [0, 1, 2, *(label for _, label in rows)]
    find_style_words(texts, labels, 3, StyleWordsConfig(min_count=1, min_z=0, min_log_odds=0, max_ngram=3))


def test_json_round_trip() -> None:
    found = StyleWords(({"bad": 5.5, "so bad": 0.0}, {"good": 7.0}), frozenset({"odd", "ever"}))
    assert StyleWords.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert found.top(0, 1) == [("bad", 5.5)]
