"""A sample with two attributes, sentiment and tense, from the grammar of the bundled sample and patterns of its own.

Every sentence exists in four versions with the same content. What holds, and `tests/data/test_sample_attributes.py`
checks: each combination of labels has the same content; no version of a sentence is another sentence of the sample, so
nothing is parallel; every dev and test sentence has a pair of noun and phrase that is new to train. The text of a
pattern is as in `sample_templates`, and `<a/b>` gives its past and its present wording.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from textvae.data.sample import are_new, combinations_of, frequent_words, held_out
from textvae.data.sample_grammar import Grammar, parse_pattern
from textvae.data.sample_templates import ALL, ANY
from textvae.data.sample_words import shuffled
from textvae.files import atomic_write

SENTIMENTS, TENSES = ("negative", "positive"), ("past", "present")
LABELS = tuple((sentiment, tense) for sentiment in range(2) for tense in range(2))
SIZES = {"train": 8_000, "dev": 400, "test": 400}
MIN_TOKENS, MAX_TOKENS = 4, 15
THING = "food drink place item work event"
TENSE = re.compile(r"<([^<>/]*)/([^<>/]*)>")

TENSED: tuple[tuple[int, str, str], ...] = (
    (8, ANY, "{det} {n} <{be}/{is}> {adjp} ."),
    (6, ALL, "the {n} {at} the {venue} {loc} <{be}/{is}> {adjp} ."),
    (5, ANY, "{det} {n} <{be}/{is}> {g} and {gb} ."),
    (6, ANY, "the {n} <{be}/{is}> {adjp} and the {n2} <{be2}/{is2}> {adjp2} ."),
    (3, ANY, "{det} {n} <{be}/{is}> as {g} as can be ."),
    (4, ANY, "{det} {n} <{be}/{is}> n't {g-} at all ."),
    (5, ALL, "i <thought/think> {det} {n} <{be}/{is}> {adjp} ."),
    (5, ALL, "everyone {loc} <said/says> the {n} <{be}/{is}> {adjp} ."),
    (4, ALL, "i <told/tell> everyone {loc} how {g} the {n} <{be}/{is}> ."),
    (4, ALL, "i <did/do> n't think {det} {n} <{be}/{is}> {g-} ."),
    (4, ALL, "we <found/find> {det} {n} {adjp} ."),
    (5, ALL, "we [<hated/hate>|<loved/love>] {det} {att} {n} {at} this {venue} ."),
    (5, ALL, "i [<avoided/avoid>|<recommended/recommend>] the {n} because {it} <{be}/{is}> {adjp} ."),
    (5, ALL, "this {venue} {loc} <had/has> {a} {att} {n} ."),
    (3, ALL, "<{be}/{is}> there {a} {att} {n} {at} every {venue} ?"),
    (3, THING, "what {a} {att} {n} {it} <{be}/{is}> !"),
    (3, ANY, "how {g} {det} {n} <{be}/{is}> !"),
)


@dataclass(frozen=True)
class TensedExample:
    """versions[sentiment][tense] of a sentence, of which `labels` are in the sample; its content and novelty."""

    versions: tuple[tuple[str, ...], ...]
    labels: tuple[int, int]
    content: tuple[str, ...]
    combinations: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """The sentence."""
        return self.versions[self.labels[0]][self.labels[1]]

    def rewriting(self, sentiment: bool, tense: bool) -> str:
        """With another sentiment, another tense, or both."""
        return self.versions[self.labels[0] ^ sentiment][self.labels[1] ^ tense]


def make_attribute_sample(seed: int = 0, sizes: dict[str, int] | None = None) -> dict[str, list[TensedExample]]:
    """The examples of every split, shuffled; sizes: how many, a multiple of 4."""
    grammar, rng = (
        Grammar(patterns=[(weight, kinds, in_tense(text, 0)) for weight, kinds, text in TENSED]),
        random.Random(seed),
    )
    seen: set[str] = set()
    splits: dict[str, list[TensedExample]] = {}
    for split, size in (sizes or SIZES).items():
        known = frequent_words(example.text for example in splits["train"]) if splits else None
        found: list[TensedExample] = []
        for group in _groups(grammar, rng, seed, unseen=bool(splits)):
            if len(found) == size:
                break
            texts = [text for example in group for row in example.versions for text in row]
            if are_new(texts, seen, known):
                seen.update(texts)
                found += group
        splits[split] = shuffled(rng, found)
    return splits


def in_tense(text: str, tense: int) -> str:
    """A pattern in the past (0) or the present (1)."""
    return TENSE.sub(lambda match: match[1 + tense], text)


PRESENT = {in_tense(text, 0): parse_pattern(weight, kinds, in_tense(text, 1)) for weight, kinds, text in TENSED}


def _groups(grammar: Grammar, rng: random.Random, seed: int, unseen: bool) -> Iterator[list[TensedExample]]:
    """Endless groups of four examples that give each combination of labels the same content."""
    while True:
        frame, group = grammar.draw_frame(rng), []
        for labels in LABELS:
            filling = grammar.draw_filling(rng, frame)
            combinations = combinations_of(frame, filling)
            tenses = (frame, replace(frame, pattern=PRESENT[frame.pattern.text]))
            versions = tuple(zip(*(grammar.write(tensed, filling) for tensed in tenses), strict=True))
            if any(held_out(pair, seed) for pair in combinations) != unseen or not _fits(versions):
                break
            group.append(TensedExample(versions, labels, frame.words, combinations))
        else:
            yield group


def _fits(versions: tuple[tuple[str, ...], ...]) -> bool:
    return all(MIN_TOKENS <= len(text.split()) <= MAX_TOKENS for row in versions for text in row)


def write_attribute_sample(folder: str | Path, seed: int = 0, sizes: dict[str, int] | None = None) -> list[Path]:
    """{train,dev,test}.jsonl: `text`, `sentiment`, `tense`, and for dev and test what a perfect system writes."""
    paths = []
    for split, examples in make_attribute_sample(seed, sizes).items():
        paths.append(Path(folder) / f"{split}.jsonl")
        with atomic_write(paths[-1]) as handle:
            handle.writelines(json.dumps(_row(example, split != "train")) + "\n" for example in examples)
    return paths


def _row(example: TensedExample, rewritings: bool) -> dict[str, str]:
    row = {"text": example.text, "sentiment": SENTIMENTS[example.labels[0]], "tense": TENSES[example.labels[1]]}
    if rewritings:
        changes = {"other_sentiment": (True, False), "other_tense": (False, True), "other_both": (True, True)}
        row |= {name: example.rewriting(*change) for name, change in changes.items()}
    return row
