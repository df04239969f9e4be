"""Sentences whose trees are known, from a context-free grammar of our own.

What it has of English: articles and adjectives, names and bare plurals, phrases and relative clauses after a noun,
adverbs after a verb, and a verb that agrees with its noun across all that stands between them:

    (S (NP (NP (D a) (N1 (N dog))) (PP (P near) (NP (PN birds)))) (VP (VP (IV barks)) (Adv often)))

Likelihood alone cannot tell `(a dog) barks` from `a (dog barks)`. So over a third of the lines are fragments, as people
answer questions: noun phrases, verb phrases, phrases with a preposition. What stands alone is a constituent elsewhere.

`python scripts/samples/make_trees.py [FOLDER]` writes the files, by default to data/sample-trees; they depend on the
seed alone.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from textvae.data.sample import pick, words_of, write_files
from textvae.data.trees import parse_tree

NOUNS = "girl, farmer, teacher, doctor, sailor, dog, cat, horse, bird, lion"
NAMES = "mary, peter, anna, paul, rex, bella"
INTRANSITIVE = "laugh, speak, run, sleep, bark, growl"
TRANSITIVE = "praise, invite, help, chase, bite, smell"


def with_s(words: str) -> str:
    """Nouns in the plural, or verbs in the singular."""
    return ", ".join(f"{word}s" for word in words_of(words))


WORDS = {
    "D.sg": "a, this, every",
    "D.pl": "these, many, some",
    "A": "old, young, tall, small, strange, famous",
    "P": "near, behind, beside",
    "R": "that",
    "Adv": "often, rarely, again, today",
    "N.sg": NOUNS,
    "N.pl": with_s(NOUNS),
    "PN.sg": NAMES,
    "PN.pl": with_s(NOUNS),
    "IV.sg": with_s(INTRANSITIVE),
    "IV.pl": INTRANSITIVE,
    "TV.sg": with_s(TRANSITIVE),
    "TV.pl": TRANSITIVE,
}
"""Classes of words; their number behind the dot."""
RULES = {
    "S": ((0.6, "NP.? VP.?"), (0.16, "NP.?"), (0.16, "VP.?"), (0.08, "PP")),
    "NP": ((0.3, "PN.#"), (0.4, "D.# N1.#"), (0.18, "NP.# PP"), (0.12, "NP.# RC.#")),
    "N1": ((0.65, "N.#"), (0.35, "A N1.#")),
    "PP": ((1.0, "P NP.?"),),
    "RC": ((1.0, "R VP.#"),),
    "VP": ((0.4, "IV.#"), (0.4, "TV.# NP.!"), (0.2, "VP.# Adv")),
}
"""Phrases: (probability, what it consists of). `#` stands for the number of the phrase itself, `?` for one that is
drawn for the whole rule, `!` for one that is drawn apart."""
NUMBERS = ("sg", "pl")
SHORTEST, LONGEST = 2, 12
SPLITS = {"train": 3000, "dev": 300, "test": 500}


def write_tree(rng: random.Random, symbol: str = "S", depth: int = 12) -> str:
    """A tree in brackets; RecursionError where it would be deeper than `depth`."""
    label, _, own = symbol.partition(".")
    if symbol in WORDS:
        return f"({label} {pick(rng, words_of(WORDS[symbol]))})"
    if depth == 0:
        raise RecursionError
    left, parts = rng.random(), ""
    for probability, parts in RULES[label]:  # noqa: B007  (the one that was reached is wanted)
        left -= probability
        if left < 0:
            break
    drawn, apart = (pick(rng, NUMBERS) for _ in range(2))
    parts = parts.replace("#", own).replace("?", drawn).replace("!", apart)
    found = [write_tree(rng, part, depth - 1) for part in parts.split()]
    return f"({label} {' '.join(found)})"


def make_trees(seed: int = 0, sizes: dict[str, int] | None = None) -> dict[str, list[str]]:
    """Trees of every split, of `SHORTEST` to `LONGEST` words; no sentence stands in the data twice."""
    rng, seen, found = random.Random(seed), set[tuple[str, ...]](), {}
    for split, size in (sizes or SPLITS).items():
        lines: list[str] = []
        while len(lines) < size:
            try:
                line = write_tree(rng)
            except RecursionError:
                continue
            words = parse_tree(line).words
            if SHORTEST <= len(words) <= LONGEST and words not in seen:
                seen.add(words)
                lines.append(line)
        found[split] = lines
    return found


def write_trees(folder: str | Path, seed: int = 0) -> list[Path]:
    """train.txt, dev.txt and test.txt of a folder; the paths written."""
    texts = {name: "".join(f"{line}\n" for line in lines) for name, lines in make_trees(seed).items()}
    return write_files(folder, {f"{name}.txt": text.encode("ascii") for name, text in texts.items()})


ROOT = Path(__file__).resolve().parents[2]

if __name__ == "__main__":
    for path in write_trees(sys.argv[1] if len(sys.argv) > 1 else ROOT / "data" / "sample-trees"):
        print(f"{path.stat().st_size:>9,} bytes  {path}")
