"""What is measured of a system's outputs, as sums over sentences.

Every measure here is a function of sums of per-sentence numbers, so that one matrix product gives it for each
direction and each bootstrap resample. Texts are prepared strings. Units: accuracies, BLEU, rates and acceptance
(the mean P that a reader accepts) in percent (0-100); word overlap, cosine and distinct shares as fractions
(0-1), as the papers have them; lengths in words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from textvae.evaluation import bleu
from textvae.evaluation.word_vectors import WordVectors

if TYPE_CHECKING:
    from textvae.evaluation.instruments import Instruments

Statistics = dict[str, np.ndarray]
"""Name -> (N, k) float64 per sentence, or (..., k) once summed."""


def content_words(text: str, excluded: Collection[str]) -> list[str]:
    """The words of a prepared string without those excluded and without punctuation."""
    return [word for word in text.split() if word not in excluded and any(map(str.isalnum, word))]


def word_overlaps(outputs: Sequence[str], inputs: Sequence[str], excluded: Collection[str]) -> np.ndarray:
    """|w_x ∩ w_y| / |w_x ∪ w_y| of the content words of input x and output y, (N,).

    John et al. 2019, section 4, style transfer experiment ("word overlap"). Two texts without any content
    word keep all there is to keep: 1.
    """
    found = np.ones(len(outputs))
    for row, (output, source) in enumerate(zip(outputs, inputs, strict=True)):
        ours, theirs = set(content_words(output, excluded)), set(content_words(source, excluded))
        if either := ours | theirs:
            found[row] = len(ours & theirs) / len(either)
    return found


def cosines(
    outputs: Sequence[str], inputs: Sequence[str], excluded: Collection[str], vectors: WordVectors
) -> np.ndarray:
    """Cosine of the pooled content word vectors of input and output, (N,).

    John et al. 2019, section 4, style transfer experiment, after Fu et al. 2018, but with vectors of the
    training corpus instead of GloVe: not comparable with the papers' values. Where a side has no known
    content word: 1 if the content words are equal, else 0.
    """
    ours = [content_words(text, excluded) for text in outputs]
    theirs = [content_words(text, excluded) for text in inputs]
    a, b = vectors.pool(ours), vectors.pool(theirs)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    equal = np.array([x == y for x, y in zip(ours, theirs, strict=True)], dtype=float)
    return np.where(norms > 0, (a * b).sum(axis=1) / np.where(norms > 0, norms, 1), equal)


def copies(outputs: Sequence[str], inputs: Sequence[str]) -> np.ndarray:
    """1 where the output is the input, word for word, (N,)."""
    return np.array([a.split() == b.split() for a, b in zip(outputs, inputs, strict=True)], dtype=float)


def distinct(outputs: Sequence[str], order: int) -> float:
    """Share of different ones among all n-grams of the outputs (Li et al. 2016, "distinct-n"); nan without
    any.

    It falls with the number of outputs: compare only rows of the same count.
    """
    grams = [tuple(words[i : i + order]) for words in map(str.split, outputs) for i in range(len(words) - order + 1)]
    return len(set(grams)) / len(grams) if grams else float("nan")


def statistics(
    instruments: Instruments,
    outputs: Sequence[str],
    inputs: Sequence[str],
    references: Sequence[Sequence[str]],
    targets: np.ndarray,
) -> Statistics:
    """Per-sentence numbers whose sums `measures` reads; any sentence may have no references."""
    scores = instruments.language_model.score(outputs)
    hits = [judge.predict(outputs) == targets for judge in instruments.judges]
    columns: dict[str, np.ndarray] = {
        "count": np.ones(len(outputs)),
        "hits": np.stack(hits, axis=1),
        "self_bleu": bleu.statistics(outputs, [[text] for text in inputs]),
        "ref_bleu": bleu.statistics(outputs, references),
        "overlap": word_overlaps(outputs, inputs, instruments.excluded),
        "cosine": cosines(outputs, inputs, instruments.excluded, instruments.vectors),
        "log_prob": scores.log_prob,
        "tokens": scores.tokens,
        "unknown": scores.unknown,
        "copies": copies(outputs, inputs),
        "empty": np.array([not text.split() for text in outputs]),
    }
    if instruments.acceptance is not None:
        columns["acceptance"] = instruments.acceptance(inputs, outputs, targets.tolist())
    return {name: value.reshape(len(outputs), -1).astype(np.float64) for name, value in columns.items()}


def measures(sums: Mapping[str, np.ndarray], judge_names: Sequence[str]) -> dict[str, np.ndarray]:
    """Measures of summed statistics, (..., k) -> (...); nan where undefined (no sentence, no reference).

    accuracy: mean over the judges of the percentage of outputs that the judge gives the target label.
    geometric_X = √(accuracy · X_bleu), harmonic_X = 2 · accuracy · X_bleu / (accuracy + X_bleu), 0 when both
    are 0; X is self (against the input) or ref (against the references).
    """
    one = {name: value[..., 0] for name, value in sums.items()}
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracies = 100 * sums["hits"] / sums["count"]
        words = one["tokens"] - one["count"]  # the language model also counts one </s> each
        found = {"accuracy": accuracies.mean(axis=-1)}
        found |= {f"accuracy_{name}": accuracies[..., i] for i, name in enumerate(judge_names)}
        for kind in ("self", "ref"):
            score = found[f"{kind}_bleu"] = bleu.from_statistics(sums[f"{kind}_bleu"])
            total = found["accuracy"] + score
            found[f"geometric_{kind}"] = np.sqrt(found["accuracy"] * score)
            found[f"harmonic_{kind}"] = np.where(total == 0, 0, 2 * found["accuracy"] * score / total)
        found |= {
            "perplexity": np.exp(-one["log_prob"] / one["tokens"]),
            "word_overlap": one["overlap"] / one["count"],
            "cosine": one["cosine"] / one["count"],
            "copy_rate": 100 * one["copies"] / one["count"],
            "mean_length": words / one["count"],
            "empty_rate": 100 * one["empty"] / one["count"],
            "unknown_rate": 100 * one["unknown"] / one["tokens"],
        }
        if "acceptance" in one:
            found["acceptance"] = 100 * one["acceptance"] / one["count"]
    return found
