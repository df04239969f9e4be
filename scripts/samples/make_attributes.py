"""A small sample with two attributes, sentiment and tense, in which every true rewriting can be known.

`python scripts/samples/make_attributes.py [FOLDER]` writes it, by default to data/sample-attributes, where
configs/toy/attributes.yaml looks for it. The same seed gives the same bytes.

The adjective of a sentence follows from the kind of its noun and from its sentiment, and nothing else in it tells the
sentiment; so a system that keeps the content has one right answer for each change. What holds, and
`tests/data/test_sample_attributes.py` checks: labels are drawn without a look at the content; no version of a sentence
is another sentence of the sample, so nothing is parallel and dev and test are new in every version; they hold no word
that train does not.
"""

from __future__ import annotations

import json
import random
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from textvae.data.sample import Noun, fix_articles, pick, words_of, write_files

SENTIMENTS, TENSES = ("negative", "positive"), ("past", "present")
SIZES = {"train": 4_000, "dev": 400, "test": 400}

KINDS: dict[tuple[str, str], str] = {
    ("bland", "tasty"): "soup, pizza, noodles+, rice~, burger, pancakes+",
    ("watery", "refreshing"): "lemonade~, tea~, cocktails+",
    ("rude", "friendly"): "waiter, manager, driver, mechanics+, nurse",
    ("dirty", "clean"): "room, lobby, pool, hallways+",
    ("flimsy", "sturdy"): "lamp, suitcase, boots+, umbrella",
    ("boring", "exciting"): "concert, tour, lectures+, movie",
    ("unfair", "fair"): "prices+, fees+",
}
WORDS = {
    "det": "the, our, their",
    "loc": "in town, downtown, by the river, near the station, at the mall",
    "person": "wife, brother, boss, neighbor",
    "adv": "very, really, quite",
}
# {adj} {not} the adjective of the sentiment and of the other one; [a|b] the wording of each sentiment, <a/b> of each
# tense; {be} {is} {it} {a} agree with {n}; the rest is content.
PATTERNS = (
    "{det} {n} <{be}/{is}> {adv} {adj} .",
    "the {n} {loc} <{be}/{is}> {adj} .",
    "my {person} <said/says> the {n} {loc} <{be}/{is}> {adv} {adj} .",
    "i <thought/think> {det} {n} <{be}/{is}> {adv} {adj} .",
    "we <found/find> {det} {n} {loc} {adj} .",
    "my {person} [<hated/hates>|<loved/loves>] {det} {n} {loc} .",
    "we [<avoided/avoid>|<recommended/recommend>] the {n} because {it} <{be}/{is}> {adv} {adj} .",
    "my {person} <did/does> n't think the {n} {loc} <{be}/{is}> {not} .",
    "what {a} {adj} {n} my {person} <had/has> !",
    "why <{be}/{is}> {det} {n} {loc} so {adj} ?",
    "nobody {loc} <knew/knows> how {adj} {det} {n} <{be}/{is}> .",
)
CHOICE, TENSE = re.compile(r"\[([^|\]]*)\|([^|\]]*)\]"), re.compile(r"<([^<>/]*)/([^<>/]*)>")


@dataclass(frozen=True)
class TensedExample:
    """versions[sentiment][tense] of a sentence, of which `labels` is in the sample; its noun and its pattern."""

    versions: tuple[tuple[str, str], tuple[str, str]]
    labels: tuple[int, int]
    noun: str
    pattern: str

    @property
    def text(self) -> str:
        """The sentence."""
        return self.rewriting(False, False)

    def rewriting(self, sentiment: bool, tense: bool) -> str:
        """With another sentiment, another tense, or both."""
        return self.versions[self.labels[0] ^ sentiment][self.labels[1] ^ tense]


def make_attribute_sample(seed: int = 0, sizes: dict[str, int] | None = None) -> dict[str, list[TensedExample]]:
    """The examples of every split, in random order; as many of each combination of labels as there can be."""
    rng = random.Random(seed)
    seen: set[str] = set()
    splits: dict[str, list[TensedExample]] = {}
    for split, size in (sizes or SIZES).items():
        found = splits[split] = []
        while len(found) < size:
            example = draw(rng, (len(found) % 2, len(found) // 2 % 2))
            texts = [text for row in example.versions for text in row]
            if seen.isdisjoint(texts):
                seen.update(texts)
                found.append(example)
    return splits


def draw(rng: random.Random, labels: tuple[int, int]) -> TensedExample:
    """A random sentence in all its versions."""
    adjectives = pick(rng, [kind for kind, nouns in KINDS.items() for _ in words_of(nouns)])
    noun, pattern = Noun.parse(pick(rng, words_of(KINDS[adjectives]))), pick(rng, PATTERNS)
    content = {name: pick(rng, words_of(table)) for name, table in WORDS.items()} | {"n": noun.text} | noun.agreement()
    versions = []
    for sentiment in range(2):
        words = {**content, "adj": adjectives[sentiment], "not": adjectives[1 - sentiment]}
        worded = CHOICE.sub(lambda match, s=sentiment: match[1 + s], pattern)  # type: ignore[misc]
        tensed = [TENSE.sub(lambda match, t=tense: match[1 + t], worded) for tense in range(2)]  # type: ignore[misc]
        versions.append((fix_articles(tensed[0].format(**words)), fix_articles(tensed[1].format(**words))))
    return TensedExample((versions[0], versions[1]), labels, noun.text, pattern)


def write_attribute_sample(folder: str | Path, seed: int = 0, sizes: dict[str, int] | None = None) -> list[Path]:
    """{train,dev,test}.jsonl: `text`, `sentiment`, `tense`, and for dev and test what a perfect system writes."""
    splits = make_attribute_sample(seed, sizes)
    rows = {name: [_row(example, name != "train") for example in examples] for name, examples in splits.items()}
    return write_files(
        folder, {f"{name}.jsonl": "".join(json.dumps(r) + "\n" for r in found).encode() for name, found in rows.items()}
    )


def _row(example: TensedExample, rewritings: bool) -> dict[str, str]:
    row = {"text": example.text, "sentiment": SENTIMENTS[example.labels[0]], "tense": TENSES[example.labels[1]]}
    if rewritings:
        changes = {"other_sentiment": (True, False), "other_tense": (False, True), "other_both": (True, True)}
        row |= {name: example.rewriting(*change) for name, change in changes.items()}
    return row


ROOT = Path(__file__).resolve().parents[2]

if __name__ == "__main__":
    for path in write_attribute_sample(sys.argv[1] if len(sys.argv) > 1 else ROOT / "data" / "sample-attributes"):
        print(f"{path.stat().st_size:>9,} bytes  {path}")
