"""The bundled sample: what `textvae/data/sample.py` promises of it, and that the files are what it makes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from textvae.data import sample as module
from textvae.data.sample import (
    MAX_TOKENS,
    MIN_TOKENS,
    Grammar,
    Noun,
    Sample,
    fix_articles,
    make_sample,
    sample_files,
    write_sample,
)

COMMITTED = Path(__file__).resolve().parents[2] / "data" / "sample"
SIZES = {"train": 12_000, "dev": 500, "test": 500}


@pytest.fixture(scope="module")
def sample() -> Sample:
    return make_sample()


def test_files_are_what_the_generator_makes(sample: Sample) -> None:
    committed = {path.name: path.read_bytes() for path in COMMITTED.iterdir()}
    made = sample_files(sample)
    assert set(made) == set(committed)
    assert [name for name in made if made[name] != committed[name]] == []


def test_files_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = make_sample(3, train=20, dev=2, test=2)
    monkeypatch.setattr(module, "make_sample", lambda seed: small if seed == 3 else None)
    written = {path.name: path.read_bytes() for path in write_sample(tmp_path / "new", seed=3)}
    assert written == sample_files(small)
    assert written["reference.negative"].decode().splitlines() == small.references(0, target=1)
    assert written["reviews.test.positive"].decode().splitlines() == small.lines("test", 1)


def test_sizes_and_balance(sample: Sample) -> None:
    assert sample.labels == ("negative", "positive")
    assert {split: [len(c) for c in classes] for split, classes in sample.splits.items()} == {
        split: [size, size] for split, size in SIZES.items()
    }
    assert all(e.label == k for classes in sample.splits.values() for k in (0, 1) for e in classes[k])


def test_no_sentence_or_counterpart_occurs_twice(sample: Sample) -> None:
    versions = [v for classes in sample.splits.values() for c in classes for e in c for v in e.versions]
    assert len(versions) == len(set(versions)) == 2 * 2 * sum(SIZES.values())


def test_counterparts_differ_but_keep_the_content(sample: Sample) -> None:
    for classes in sample.splits.values():
        for example in (e for c in classes for e in c):
            negative, positive = (version.split() for version in example.versions)
            assert negative != positive
            content = Counter(word for part in example.content for word in part.split())
            assert not content - Counter(negative), example
            assert not content - Counter(positive), example


def test_content_is_the_same_for_both_labels(sample: Sample) -> None:
    for classes in sample.splits.values():
        marginals = [Counter(part for e in c for part in e.content) for c in classes]
        assert marginals[0] == marginals[1]
        assert len(marginals[0]) > 100


def test_dev_and_test_hold_combinations_that_train_does_not(sample: Sample) -> None:
    in_train = {pair for c in sample.splits["train"] for e in c for pair in e.combinations}
    for split in ("dev", "test"):
        examples = [e for c in sample.splits[split] for e in c]
        assert all(set(e.combinations) - in_train for e in examples)
        parts = {part for e in examples for pair in e.combinations for part in pair}
        assert parts <= {part for pair in in_train for part in pair}  # only the combination is new


def test_vocabulary(sample: Sample) -> None:
    counts = Counter(word for k in (0, 1) for line in sample.lines("train", k) for word in line.split())
    assert 900 <= len(counts) <= 1500
    for split in ("dev", "test"):
        words = {w for c in sample.splits[split] for e in c for v in e.versions for w in v.split()}
        assert min(counts[word] for word in words) >= 3  # none becomes <unk> with min_frequency 3


def test_readme_tells_the_truth(sample: Sample) -> None:
    readme = (COMMITTED.parent / "README.md").read_text(encoding="utf-8")
    lines = sample.lines("train", 0) + sample.lines("train", 1)
    words = [word for line in lines for word in line.split()]
    told = f"vocabulary {len(set(words)):,} words; {len(words) / len(lines):.1f} tokens a sentence"
    grammar = Grammar()
    patterns, nouns = len({p.text for p in grammar.ladder}), sum(map(len, grammar.nouns.values()))
    assert told in " ".join(readme.split())
    assert f"{len(grammar.nouns)} domains" in readme
    assert f"{patterns} sentence patterns, {nouns} nouns" in " ".join(readme.split())
    example = [
        line.strip().split("  ")[0] for line in readme.split("\n") if " line of re" in line and line.startswith("    ")
    ]
    assert sample.references(0, 1)[sample.lines("test", 0).index(example[0])] == example[1]


def test_sentences_look_like_yelp(sample: Sample) -> None:
    for classes in sample.splits.values():
        for version in (v for c in classes for e in c for v in e.versions):
            tokens = version.split(" ")
            assert MIN_TOKENS <= len(tokens) <= MAX_TOKENS
            assert all(tokens), version  # single spaces, none at the ends
            assert tokens[-1] in (".", "!", "?")
            assert version == version.lower() and version.isascii()
            assert not set("{}[]|/_+~") & set(version), version
            assert not any(a == b for a, b in zip(tokens, tokens[1:], strict=False)), version


def test_every_kind_of_sentence_occurs(sample: Sample) -> None:
    lines = sample.lines("train", 0) + sample.lines("train", 1)
    for part in (
        " n't ",
        " but ",
        " because ",
        " than ",
        " ?",
        " !",
        "do n't ",
        " so ",
        " neither ",
        " both ",
    ):
        assert sum(part in line for line in lines) > 100, part


def test_another_seed_is_another_sample() -> None:
    first, again, other = (make_sample(seed, train=50, dev=5, test=5) for seed in (1, 1, 2))
    assert first == again
    assert not set(first.lines("train", 0)) & set(other.lines("train", 0))


def test_three_labels() -> None:
    sample = make_sample(labels=3, train=300, dev=30, test=30)
    assert sample.labels == ("negative", "neutral", "positive")
    assert [len(c) for c in sample.splits["train"]] == [300] * 3
    versions = [v for classes in sample.splits.values() for c in classes for e in c for v in e.versions]
    assert len(versions) == len(set(versions)) == 3 * 3 * 360
    marginals = [Counter(part for e in c for part in e.content) for c in sample.splits["train"]]
    assert marginals[0] == marginals[1] == marginals[2]
    for example, reference in zip(sample.splits["test"][1], sample.references(1, target=2), strict=True):
        assert reference == example.versions[2] != example.text


def test_three_labels_negation_keeps_its_sense() -> None:
    """ "was n't very tasty / was sometimes very tasty / was very tasty": choice and label orders differ."""
    sample = make_sample(labels=3, train=600, dev=0, test=0)
    triples = [e.versions for c in sample.splits["train"] for e in c if " sometimes very " in e.versions[1]]
    assert triples
    assert all(" n't very " in negative and " n't " not in positive for negative, _, positive in triples)


def test_other_numbers_of_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="2 or 3 labels"):
        make_sample(labels=4)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("what a  awful place", "what an awful place"),
        ("a useful lamp , a usual day", "a useful lamp , a usual day"),
        ("a x-ray for a usher", "an x-ray for an usher"),
        ("a honest waiter in a", "an honest waiter in a"),
    ],
)
def test_articles(text: str, right: str) -> None:
    assert fix_articles(text) == right


def test_agreement() -> None:
    assert Noun.parse("tacos+").agreement("2") == {"be2": "were", "is2": "are", "it2": "they", "a2": ""}
    assert Noun.parse("rice~").agreement() == {"be": "was", "is": "is", "it": "it", "a": ""}
    assert Noun.parse("steak").agreement()["a"] == "a"
