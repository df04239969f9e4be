"""The sample with two attributes: what its module promises of it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from make_attributes import (
    KINDS,
    PATTERNS,
    SENTIMENTS,
    SIZES,
    TENSES,
    TensedExample,
    make_attribute_sample,
    write_attribute_sample,
)

from textvae.data.sample import words_of

Splits = dict[str, list[TensedExample]]
PAST = {"was", "were", "did", "had", "said", "thought", "found", "knew", "hated", "loved", "avoided", "recommended"}
PRESENT = {"is", "are", "does", "has", "says", "think", "find", "knows", "hates", "loves", "avoid", "recommend"}


@pytest.fixture(scope="module")
def sample() -> Splits:
    return make_attribute_sample()


def test_every_combination_of_labels_is_equally_frequent(sample: Splits) -> None:
    for split, examples in sample.items():
        counts = Counter(example.labels for example in examples)
        assert len(examples) == SIZES[split] and set(counts.values()) == {SIZES[split] // 4}


def test_no_version_occurs_twice(sample: Splits) -> None:
    versions = [text for examples in sample.values() for e in examples for row in e.versions for text in row]
    assert len(versions) == len(set(versions)) == 4 * sum(SIZES.values())


def test_the_content_does_not_tell_the_labels(sample: Splits) -> None:
    """No noun or pattern leans to a label by more than chance would (4 standard deviations)."""
    for part in ("noun", "pattern"):
        for attribute in (0, 1):
            counts: dict[str, Counter[int]] = {}
            for example in sample["train"]:
                counts.setdefault(getattr(example, part), Counter())[example.labels[attribute]] += 1
            assert all(abs(c[0] - c[1]) < 4 * (c[0] + c[1]) ** 0.5 for c in counts.values())


def test_versions_differ_in_what_they_should(sample: Splits) -> None:
    adjectives = {word for pair in KINDS for word in pair}
    for example in (e for examples in sample.values() for e in examples):
        sentiment, tense = example.labels
        assert example.text == example.versions[sentiment][tense]
        negation = "n't" in example.pattern  # "does n't think": its verb stays as it is
        for row in example.versions:
            past, present = (set(text.split()) for text in row)
            assert past & PAST and present & PRESENT and not present & PAST
            assert not past & PRESENT - ({"think"} if negation else set())
            assert [w for w in row[0].split() if w not in PAST] != row[1].split()
        for old, new in zip(*example.versions, strict=True):
            changed = [(a, b) for a, b in zip(old.split(), new.split(), strict=True) if a != b]
            assert changed and all(b in adjectives | PAST | PRESENT | {"a", "an"} for _, b in changed)


def test_dev_and_test_hold_no_new_word(sample: Splits) -> None:
    words = Counter(word for example in sample["train"] for word in example.text.split())
    assert len(words) < 120
    for split in ("dev", "test"):
        for example in sample[split]:
            assert all(words[word] >= 10 for row in example.versions for text in row for word in text.split())


def test_every_pattern_and_noun_occurs(sample: Splits) -> None:
    assert {example.pattern for example in sample["train"]} == set(PATTERNS)
    assert len({example.noun for example in sample["train"]}) == sum(len(words_of(x)) for x in KINDS.values())


def test_files_hold_the_true_rewritings(tmp_path: Path) -> None:
    sizes = {"train": 40, "dev": 8, "test": 8}
    sample = make_attribute_sample(3, sizes)
    paths = write_attribute_sample(tmp_path, 3, sizes)
    again = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in write_attribute_sample(tmp_path, 3, sizes)] == again
    assert [path.name for path in paths] == ["train.jsonl", "dev.jsonl", "test.jsonl"]
    train, _, test = ([json.loads(line) for line in path.read_text().splitlines()] for path in paths)
    assert [row["text"] for row in train] == [e.text for e in sample["train"]]
    assert set(train[0]) == {"text", "sentiment", "tense"}
    for row, example in zip(test, sample["test"], strict=True):
        sentiment, tense = example.labels
        assert (row["sentiment"], row["tense"]) == (SENTIMENTS[sentiment], TENSES[tense])
        assert row["other_sentiment"] == example.versions[1 - sentiment][tense]
        assert row["other_tense"] == example.versions[sentiment][1 - tense]
        assert row["other_both"] == example.versions[1 - sentiment][1 - tense]
