"""What the alarms go by: measures of summaries and their documents that need no references.

Three tests ask a *reader*, a function `nll(summaries, documents) -> (N,)` that gives the negative log-probability of
each document given its summary, in nats per word of the document:

swapped summary   a reader given another document's summary must do much worse, or it does not read at all;
fresh reader      a reader that has only ever seen readable text must learn from the summaries nearly what the
                  reconstructor does, or the two networks have invented a code;
shuffled words    shuffling the words of the summary must hurt, or it is a bag of signs and not a sentence.

The gain of a reader, nll(another's summary) - nll(its own summary), is what it learns from the summary. Two readers are
compared by their gains: how well each predicts text as such cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from textvae.errors import UserError
from textvae.evaluation.summaries.lead import leads, word_count
from textvae.evaluation.summaries.rare_words import RareWords, kept_and_invented
from textvae.inference.kneser_ney import KneserNey
from textvae.modules.noise import mix
from textvae.text import spaced

ReconstructNll = Callable[[Sequence[str], Sequence[str]], np.ndarray]
"""(N summaries, N documents) -> (N,) nats per word of the document."""


def swapped(summaries: Sequence[str]) -> list[str]:
    """Each place gets the summary of another document: that half the list away."""
    half = max(len(summaries) // 2, 1)
    return [*summaries[half:], *summaries[:half]]


def shuffled(summaries: Sequence[str], seed: int = 0) -> list[str]:
    """The words of each summary in an order drawn from (seed, row)."""
    found = []
    for row, summary in enumerate(summaries):
        words = summary.split()
        found.append(" ".join(words[i] for i in np.random.default_rng(mix(seed, row)).permutation(len(words))))
    return found


def gain(nll: ReconstructNll, summaries: Sequence[str], documents: Sequence[str]) -> float:
    """nll(another document's summary) - nll(its own), nats per word, mean over documents; nan for fewer than two."""
    if len(documents) < 2:
        return float("nan")
    return float(np.mean(nll(swapped(summaries), documents) - nll(summaries, documents)))


def reader_measures(
    nll: ReconstructNll, summaries: Sequence[str], documents: Sequence[str], prefix: str = "", seed: int = 0
) -> dict[str, float]:
    """nll, swapped_gap (its gain) and shuffled_gap (what shuffling costs) of one reader, in nats per word."""
    own = float(np.mean(nll(summaries, documents)))
    mixed = float(np.mean(nll(shuffled(summaries, seed), documents)))
    found = {"nll": own, "swapped_gap": gain(nll, summaries, documents), "shuffled_gap": mixed - own}
    return {prefix + name: value for name, value in found.items()}


def text_statistics(
    summaries: Sequence[str], documents: Sequence[str], rare: RareWords | None = None
) -> dict[str, np.ndarray]:
    """What the words alone tell, per pair, each (N,): counts whose sums `text_measures` reads."""
    words = [summary.split() for summary in summaries]
    lengths = np.array([len(found) for found in words])
    first = [summary == lead for summary, lead in zip(summaries, leads(documents, lengths.tolist()), strict=True)]
    found = {
        "count": np.ones(len(words)),
        "words": lengths,
        "empty": lengths == 0,
        "lead": (lengths > 0) & np.array(first),
    }
    for order in (1, 2):
        grams = [_novel(ours, text.split(), order) for ours, text in zip(words, documents, strict=True)]
        found[f"new_{order}"], found[f"grams_{order}"] = np.array(grams).T
    if rare is not None:
        names = kept_and_invented(summaries, documents, rare).T
        found |= dict(zip(("names_there", "names_found", "names_said", "names_new"), names, strict=True))
    return {name: column.astype(np.float64) for name, column in found.items()}


def text_measures(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Measures of summed statistics, (...) each: percent, but `mean_length` in words; nan where undefined.

    copy_rate: words that stand in the document; novelty_n: n-grams that do not; lead_rate: summaries that are the first
    words of their document; names_kept: the document's rare words and numbers that are in the summary; names_invented:
    the summary's that are not in the document.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {name: 100 * sums[part] / sums[whole] for name, (part, whole) in PERCENT.items() if part in sums}
        found["mean_length"] = sums["words"] / sums["count"]
        found["copy_rate"] = 100 - found["novelty_1"]
    return found


PERCENT = {
    "empty_rate": ("empty", "count"),
    "lead_rate": ("lead", "count"),
    "novelty_1": ("new_1", "grams_1"),
    "novelty_2": ("new_2", "grams_2"),
    "names_kept": ("names_found", "names_there"),
    "names_invented": ("names_new", "names_said"),
}
"""Measure -> the part and the whole, names of `text_statistics`."""


def fluency_measures(
    summaries: Sequence[str], model: KneserNey, human_texts: Sequence[str] = (), seed: int = 0
) -> dict[str, float]:
    """Perplexities under a language model of human texts, and the percentage of words it does not know.

    `human_texts`: prepared human texts that the model has not been trained on; their perplexity and length are what
    the summaries' are held against.
    """
    scores = model.score(summaries)
    found = {
        "perplexity": model.perplexity(summaries),
        "shuffled_perplexity": model.perplexity(shuffled(summaries, seed)),
        "unknown_rate": _percent(float(scores.unknown.sum()), float(scores.tokens.sum())),
    }
    if human_texts:
        found["human_perplexity"] = model.perplexity(human_texts)
        found["human_length"] = float(np.mean([word_count(text) for text in human_texts]))
    return found


def measure(
    summaries: Sequence[str],
    documents: Sequence[str],
    *,
    reconstruct_nll: ReconstructNll | None = None,
    fresh_nll: ReconstructNll | None = None,
    language_model: KneserNey | None = None,
    human_texts: Sequence[str] = (),
    rare: RareWords | None = None,
    discriminator_accuracy: float | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """All measures that can be taken with what is given; prepared strings, a summary for each document.

    `reconstruct_nll` is the reader R trained with the generator; `fresh_nll` one that has learnt from readable text
    only (`reader.StatisticalReader`, or a new R trained on human text). Texts of scripts without spaces are cut into
    characters (`spacing.spaced`) before anything sees them. `discriminator_accuracy` in percent.
    """
    if len(summaries) != len(documents) or not summaries:
        raise UserError(f"{len(summaries)} summaries of {len(documents)} documents: one for each is needed, and any")
    summaries, documents, human_texts = ([*map(spaced, side)] for side in (summaries, documents, human_texts))
    sums = {name: column.sum() for name, column in text_statistics(summaries, documents, rare).items()}
    found = {name: float(value) for name, value in text_measures(sums).items()}
    if language_model is not None:
        found |= fluency_measures(summaries, language_model, human_texts, seed)
    if reconstruct_nll is not None:
        found |= reader_measures(reconstruct_nll, summaries, documents, seed=seed)
    if fresh_nll is not None:
        found |= reader_measures(fresh_nll, summaries, documents, "fresh_", seed)
        lengths = [word_count(summary) for summary in summaries]
        found["lead_gap"] = gain(fresh_nll, leads(documents, lengths), documents)
    if discriminator_accuracy is not None:
        found["discriminator_accuracy"] = discriminator_accuracy
    return found | _ratios(found)


RATIOS = {
    "readable_share": ("fresh_swapped_gap", "swapped_gap"),
    "information_share": ("fresh_swapped_gap", "lead_gap"),
    "shuffled_share": ("shuffled_gap", "swapped_gap"),
    "order_ratio": ("shuffled_perplexity", "perplexity"),
    "perplexity_ratio": ("perplexity", "human_perplexity"),
    "length_ratio": ("mean_length", "human_length"),
}
"""Measure -> the two whose ratio it is; taken where both are known."""


def _ratios(found: dict[str, float]) -> dict[str, float]:
    known = {name: pair for name, pair in RATIOS.items() if found.keys() >= set(pair)}
    return {name: _ratio(found[above], found[below]) for name, (above, below) in known.items()}


def _percent(part: float, whole: float) -> float:
    return 100 * _ratio(part, whole)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")


def _novel(ours: list[str], theirs: list[str], order: int) -> tuple[int, int]:
    """(n-grams of the summary that the document lacks, n-grams of the summary)."""
    known, grams = set(_grams(theirs, order)), _grams(ours, order)
    return sum(gram not in known for gram in grams), len(grams)


def _grams(words: list[str], order: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + order]) for i in range(len(words) - order + 1)]
