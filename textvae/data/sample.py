"""The bundled sample: short reviews with two labels from our own grammar, and counterparts of the test lines.

What holds, and `tests/data/test_sample.py` checks:

* A sentence and its counterpart have the same content (noun, time, place, people, price), opposite sentiment.
* Content tells nothing of the label: in each split every content word occurs equally often under every label.
* No sentence occurs twice and no sentence is the counterpart of another: the training data are not parallel.
* Every dev and test sentence has a combination (noun and phrase, or modifier and pattern) new to train.

The files depend on the seed alone, not on the Python version (`sample_words.pick` says why).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from textvae.data.sample_grammar import Filling, Frame, Grammar
from textvae.data.sample_words import shuffled
from textvae.files import atomic_write

LABELS = {2: ("negative", "positive"), 3: ("negative", "neutral", "positive")}
SPLITS = ("train", "dev", "test")
MIN_TOKENS, MAX_TOKENS = 4, 15
# Words of dev and test occur at least MIN_COUNT times in train, if train has FULL_SIZE sentences per label.
MIN_COUNT, FULL_SIZE = 3, 5_000
# Shares of (noun, phrase) and of (modifier, pattern) combinations that train never shows.
HELD_OUT_PHRASES, HELD_OUT_PATTERNS = 0.15, 0.1
HELD_OUT_MODIFIERS = ("venue", "time", "loc", "person", "purpose")  # those that many patterns share


@dataclass(frozen=True)
class Example:
    """One sentence: its versions for all labels, of which `label` is the one in the corpus."""

    versions: tuple[str, ...]
    label: int
    content: tuple[str, ...]
    combinations: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        return self.versions[self.label]


@dataclass(frozen=True)
class Sample:
    """All splits; `splits["train"][k]` are the examples of class k, in file order."""

    labels: tuple[str, ...]
    splits: dict[str, tuple[tuple[Example, ...], ...]]

    def lines(self, split: str, label: int) -> list[str]:
        """The sentences of one class."""
        return [example.text for example in self.splits[split][label]]

    def references(self, label: int, target: int, split: str = "test") -> list[str]:
        """For each sentence of class `label`, in order, its counterpart in class `target`."""
        return [example.versions[target] for example in self.splits[split][label]]


def make_sample(seed: int = 0, labels: int = 2, train: int = 12_000, dev: int = 500, test: int = 500) -> Sample:
    """The sample with so many sentences per label and split; 3 labels have "neutral" between the two."""
    grammar = Grammar(labels)
    rng = random.Random(seed)
    seen: set[str] = set()
    splits = {"train": _draw_split(grammar, rng, seed, train, seen, known=None, unseen=False)}
    known = _frequent_words(splits["train"]) if train >= FULL_SIZE else None
    for split, size in (("dev", dev), ("test", test)):
        splits[split] = _draw_split(grammar, rng, seed, size, seen, known, unseen=True)
    return Sample(LABELS[labels], splits)


def _draw_split(
    grammar: Grammar,
    rng: random.Random,
    seed: int,
    size: int,
    seen: set[str],
    known: set[str] | None,
    unseen: bool,
) -> tuple[tuple[Example, ...], ...]:
    """`size` new examples per label, shuffled; adds all of their versions to `seen`."""
    classes: list[list[Example]] = [[] for _ in range(grammar.labels)]
    for group in _groups(grammar, rng, seed, unseen):
        if len(classes[0]) == size:
            break
        versions = [version for example in group for version in example.versions]
        if len(group) <= grammar.labels * (size - len(classes[0])) and _are_new(versions, seen, known):
            seen.update(versions)
            for example in group:
                classes[example.label].append(example)
    return tuple(tuple(shuffled(rng, examples)) for examples in classes)


def _are_new(versions: list[str], seen: set[str], known: set[str] | None) -> bool:
    """Whether no version was written before, none is there twice, and every word is known."""
    if not seen.isdisjoint(versions) or len(set(versions)) < len(versions):
        return False
    return known is None or all(word in known for version in versions for word in version.split())


def _frequent_words(classes: tuple[tuple[Example, ...], ...]) -> set[str]:
    counts = Counter(word for examples in classes for example in examples for word in example.text.split())
    return {word for word, count in counts.items() if count >= MIN_COUNT}


def _groups(grammar: Grammar, rng: random.Random, seed: int, unseen: bool) -> Iterator[list[Example]]:
    """Endless groups of examples that give each label the same content.

    All examples of a group hold a held-out combination (`unseen`) or none does.
    """
    while True:
        group = []
        for label, frame in _frames(grammar, rng):
            filling = grammar.draw_filling(rng, frame)
            combinations = _combinations(frame, filling)
            if any(held_out(pair, seed) for pair in combinations) != unseen:
                break
            versions = grammar.write(frame, filling)
            if not all(MIN_TOKENS <= len(version.split()) <= MAX_TOKENS for version in versions):
                break
            group.append(Example(versions, label, frame.words, combinations))
        else:
            yield group


def _frames(grammar: Grammar, rng: random.Random) -> list[tuple[int, Frame]]:
    """Frames for one group, with their labels.

    A pattern with an open sentiment slot gives each label the same frame; the fillings will differ. One whose
    sentiment is fixed would so give a sentence and its counterpart. There each label gets the same parts in
    another combination: content i with modifier i + label.
    """
    first = grammar.draw_frame(rng)
    labels = range(grammar.labels)
    if first.pattern.open_slots:
        return [(label, first) for label in labels]
    frames = [first] + [grammar.draw_frame(rng, like=first) for _ in labels[1:]]
    free = first.pattern.modifiers[-1]
    recombined = []
    for label in labels:
        for i, frame in enumerate(frames):
            donor = frames[(i + label) % len(frames)]
            recombined.append((label, replace(frame, content={**frame.content, free: donor.content[free]})))
    return recombined


def _combinations(frame: Frame, filling: Filling) -> tuple[tuple[str, str], ...]:
    """The pairs whose novelty dev and test are about: (noun, phrase) and (modifier, pattern)."""
    pairs = []
    for slot, versions in filling.items():
        noun = frame.nouns["n2"].text if slot.endswith("2") else frame.anchor
        if noun:
            pairs.append((noun, "phrase " + versions[0]))
    slots = [slot for slot in frame.pattern.modifiers if slot in HELD_OUT_MODIFIERS]
    pairs += [(frame.content[slot], "pattern " + frame.pattern.text) for slot in slots]
    return tuple(pairs)


@cache
def held_out(pair: tuple[str, str], seed: int) -> bool:
    """Whether a combination is kept for dev and test; depends on pair and seed, not on the order drawn."""
    share = HELD_OUT_PHRASES if pair[1].startswith("phrase ") else HELD_OUT_PATTERNS
    return random.Random(f"{seed}\t{pair[0]}\t{pair[1]}").random() < share


def sample_files(sample: Sample) -> dict[str, bytes]:
    """`reviews.SPLIT.LABEL` and `reference.LABEL` (line i: counterpart of test line i) of a sample with two labels."""
    lines: dict[str, list[str]] = {}
    for label, name in enumerate(sample.labels):
        lines |= {f"reviews.{split}.{name}": sample.lines(split, label) for split in SPLITS}
        lines[f"reference.{name}"] = sample.references(label, target=1 - label)
    return {name: "".join(f"{line}\n" for line in lines[name]).encode("ascii") for name in sorted(lines)}


def write_sample(folder: str | Path, seed: int = 0) -> list[Path]:
    """Write the files of `make_sample(seed)` into `folder`; returns their paths."""
    files = sample_files(make_sample(seed))
    for name, content in files.items():
        with atomic_write(Path(folder) / name, binary=True) as handle:
            handle.write(content)
    return [Path(folder) / name for name in files]
