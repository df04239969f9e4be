"""What can be told of one rewriting beside its source: words kept and put in, and where the new words meet the old.

Nothing in it is learnt; what is, a network's and a language model's reading of a sentence, comes in as `Summary`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from textvae.text import prepare

LONGEST = 60
"""Words of a sentence that are read."""
_ENDS = ", ; . ! ? : and but or because while although though -- ( )"
_NEGATIONS = "not n't no never nor neither none nobody nothing nowhere without hardly cannot"
CLAUSE_ENDS, NEGATIONS = frozenset(_ENDS.split()), frozenset(_NEGATIONS.split())
MARKS = frozenset((".", "!", "?", "...", ")", "''"))
NUMBER = re.compile(r"\S*\d\S*")


def normalised(text: str) -> list[str]:
    """Words of a raw or tokenised sentence, lower-case, `_num_` for what has a digit, a full stop if no mark ends it.

    Whether a sentence ends in a mark is a habit of who typed it; to a reader of words its lack is a mistake.
    """
    words = NUMBER.sub("_num_", prepare(text)).split()[:LONGEST]
    return words if not words or words[-1] in MARKS else [*words, "."]


def clauses(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Parts of a sentence between punctuation marks and conjunctions, of two words or more."""
    found: list[list[str]] = [[]]
    for word in words:
        if word in CLAUSE_ENDS:
            found.append([])
        else:
            found[-1].append(word)
    return [tuple(clause) for clause in found if len(clause) > 1]


class Summary(NamedTuple):
    """What the reader made of one sentence of n words."""

    style: np.ndarray
    """(K,) log p of the labels."""
    machine: float
    wrong: np.ndarray
    """(n,) logits that a word is wrong."""
    likelihood: np.ndarray
    """(n,) log p of each word between its neighbours, nats."""


def margin(log_probs: np.ndarray, target: int) -> float:
    """Log-odds of the target against all other labels, nats, cut at ±8."""
    other = np.logaddexp.reduce(np.delete(log_probs, target)) if len(log_probs) > 1 else 0.0
    return float(np.clip(log_probs[target] - other, -8, 8))


def chance(logit: float) -> float:
    """Logistic function."""
    return float(1 / (1 + np.exp(-logit)))


def worst_stretch(values: np.ndarray, width: int = 3) -> float:
    """Least mean of so many neighbours."""
    if len(values) <= width:
        return float(values.mean()) if len(values) else 0.0
    sums = np.cumsum(np.concatenate(([0.0], values)))
    return float((sums[width:] - sums[:-width]).min() / width)


def fluency(x: Summary, y: Summary) -> list[float]:
    """Features `FLUENCY`, their differences from the source, and who wrote it."""
    found = []
    for summary in (x, y):
        likelihood, wrong = summary.likelihood, summary.wrong
        if not len(wrong):
            found.append(np.array([-25.0, -25.0, -25.0, 8.0, 1.0]))
            continue
        doubts = 1 / (1 + np.exp(-wrong))
        found.append(
            np.array([likelihood.mean(), likelihood.min(), worst_stretch(likelihood), wrong.max(), doubts.sum()])
        )
    return [*found[1].tolist(), *(found[1] - found[0]).tolist(), y.machine, y.machine - x.machine]


def boundaries(source: Sequence[str], output: Sequence[str]) -> list[bool]:
    """(n + 1,) whether the words before and after each boundary of the output are no neighbours in the source."""
    pairs = {*zip(("", *source), (*source, ""), strict=True)}
    return [pair not in pairs for pair in zip(("", *output), (*output, ""), strict=True)]


def seam_scores(source: Sequence[str], output: Sequence[str], before: np.ndarray, after: np.ndarray) -> list[float]:
    """Features `LIKELY`: of the whole, and of the words where the output is new.

    before, after: log p of every word of source and output and of the end, by a language model, (n + 1,) nats.
    """
    new = boundaries(source, output)
    places = [i for i in range(len(new)) if new[i] or (i and new[i - 1])]
    there = after[places] if places else np.zeros(1)
    whole = (after.mean(), after.mean() - before.mean(), after.sum() - before.sum())
    return [*map(float, whole), float(there.min()), float(there.mean()), float(there.sum())]


def seams(source: Sequence[str], output: Sequence[str], y: Summary) -> list[float]:
    """Features `SEAMS`: the same by the reader, at words that stand beside another than in the source."""
    new = boundaries(source, output)
    places = [i for i in range(len(output)) if new[i] or new[i + 1]]
    if not places:
        return [0.0, 0.0, -8.0, 0.0, 0.0]
    likelihood, wrong = y.likelihood[places], y.wrong[places]
    doubts = 1 / (1 + np.exp(-wrong))
    return [float(likelihood.min()), float(likelihood.mean()), float(wrong.max()), float(doubts.sum()), len(places)]


def edits(source: tuple[str, ...], output: tuple[str, ...]) -> list[float]:
    """Features `EDITS`: what was kept, put in, lost and doubled, whatever the words mean."""
    x, y = set(source), set(output)
    put_in, lost = [w for w in output if w not in x], [w for w in source if w not in y]
    start = next((i for i, (a, b) in enumerate(zip(source, output, strict=False)) if a != b), len(source))
    doubled = sum(a == b for a, b in zip(output, output[1:], strict=False))
    repeated = len(output) - len(y) - (len(source) - len(x))
    return [
        2 * len(x & y) / max(len(x) + len(y), 1),
        float(np.log((len(output) + 1) / (len(source) + 1))),
        abs(len(output) - len(source)),
        len(output),
        len(put_in),
        len(lost),
        float(start == 0 and len(output) > len(source)),
        doubled + repeated,
        abs(output.count("_num_") - source.count("_num_")),
        sum(w in NEGATIONS for w in output) - sum(w in NEGATIONS for w in source),
        float(source == output),
        float(output[-1:] == source[-1:]),
    ]


STYLE = (
    *("style", "source_style", "weakest_clause", "mean_clause", "changed_clause", "kept_clause"),
    *("style_chance", "weakest_chance", "word_against", "words_against", "word_for"),
)
FLUENCY = ("likelihood", "least_likelihood", "worst_stretch", "most_wrong", "wrong_words")
LIKELY = ("ngram_likelihood", "ngram_change", "ngram_change_sum", "seam_least", "seam_mean", "seam_sum")
SEAMS = ("seam_least_cloze", "seam_cloze", "seam_most_wrong", "seam_wrong_words", "seam_words")
EDITS = (
    *("overlap", "longer", "length_change", "length", "put_in", "lost", "put_before", "doubled", "numbers_changed"),
    *("negations_changed", "copy", "same_end"),
)
SINGLE = (
    *STYLE,
    *FLUENCY,
    *(f"{name}_change" for name in FLUENCY),
    "machine",
    "machine_change",
    *LIKELY,
    *SEAMS,
    *EDITS,
)
"""Features of one pair by itself."""
ALIGNED = tuple(
    f"{side}_{name}"
    for side in ("source", "output")
    for name in ("content_kept", "content_near", "content_most_lost", "content_lost", "content")
)
"""Features of `AcceptanceJudge.aligned`."""
FEATURES = SINGLE + ALIGNED
"""Names of all columns, in their order."""
