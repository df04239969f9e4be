"""BLEU from sufficient statistics, so that a bootstrap of a thousand resamples costs two matrix products.

The statistics of each sentence come from sacrebleu (Post 2018, "A call for clarity in reporting BLEU
scores"); the score of their sum equals sacrebleu's corpus score (a test compares them). Strings are prepared:
`tokenize="none"`, nothing is lower-cased here. With `TextConfig.lowercase` both sides already are; without it
the score is cased.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sacrebleu.metrics import BLEU

ORDERS = 4
SIZE = 3 + 2 * ORDERS


def statistics(outputs: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """Per sentence 1, output length, closest reference length, 4 n-gram matches, 4 n-gram counts: (N, 11).

    A row whose references are an empty sequence is all zeros: it takes no part in the corpus score.
    """
    metric = BLEU(tokenize="none", force=True, effective_order=True)  # the order setting does not touch the counts
    rows = np.zeros((len(outputs), SIZE))
    for row, (output, targets) in enumerate(zip(outputs, references, strict=True)):
        if targets:
            score = metric.sentence_score(output, list(targets))
            rows[row] = [1, score.sys_len, score.ref_len, *score.counts, *score.totals]
    return rows


def from_statistics(sums: np.ndarray) -> np.ndarray:
    """Corpus BLEU in percent of summed statistics, (..., 11) -> (...), with exponential smoothing.

    BLEU = min(1, e^{1 - r/c}) · exp(¼ Σ_n ln p_n); the i-th order without a match has p_n = 1 / (2^i ·
    total_n). It is 0 without any match and, as in sacrebleu, when no output has four tokens. nan where no row
    took part.
    """
    rows, system, reference = sums[..., 0], sums[..., 1], sums[..., 2]
    correct, total = sums[..., 3 : 3 + ORDERS], sums[..., 3 + ORDERS :]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        halvings = np.cumsum(correct == 0, axis=-1)
        precision = np.where(correct > 0, correct, 0.5**halvings) / total
        log_precision = np.where(total > 0, np.log(precision), -np.inf).mean(axis=-1)
        brevity = np.minimum(0.0, 1 - reference / system)
        score = np.where(correct.any(axis=-1), 100 * np.exp(brevity + log_precision), 0.0)
    return np.where(rows == 0, np.nan, score)


def signature(references: Sequence[Sequence[str]]) -> str:
    """sacrebleu's signature of these settings; "nrefs:var" if the number of references differs."""
    rows = [row for row in references if row] or [[""]]
    most = max(map(len, rows))
    streams: list[Any] = [  # sacrebleu takes None for a missing reference, its annotations do not say so
        [row[number] if number < len(row) else None for row in rows] for number in range(most)
    ]
    metric = BLEU(tokenize="none", force=True)
    metric.corpus_score([""] * len(rows), streams)
    return str(metric.get_signature())
