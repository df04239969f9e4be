"""LEAD: the first words of a document, the baseline that a summariser of news has to beat at equal length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from textvae.inference.kneser_ney import KneserNey


def word_count(text: str) -> int:
    """Words of a prepared string; punctuation marks count."""
    return len(text.split())


def lead(document: str, words: int) -> str:
    """The first `words` words of a prepared document; all of it where it is shorter."""
    return " ".join(document.split()[:words])


def leads(documents: Sequence[str], words: int | Sequence[int]) -> list[str]:
    """`lead` of each document, at one length or at each its own."""
    lengths = [words] * len(documents) if isinstance(words, int) else words
    return [lead(document, length) for document, length in zip(documents, lengths, strict=True)]


def equal_length(documents: Sequence[str], outputs: Sequence[str]) -> int:
    """The k whose lead-k has the mean length nearest that of `outputs`; the shorter of two that are as near."""
    lengths = np.array([word_count(document) for document in documents])
    target = np.mean([word_count(output) for output in outputs])
    ks = np.arange(int(lengths.max(initial=0)) + 1)
    means = np.minimum(lengths[:, None], ks).mean(axis=0)
    return int(np.abs(means - target).argmin())


def shared_lengths(documents: Sequence[str], mean: float) -> list[int]:
    """As many words for each document (all of a shorter one) as make the mean length `mean`; some get one more."""
    lengths = np.array([word_count(document) for document in documents], np.int64)
    total = min(round(mean * len(documents)), int(lengths.sum()))
    most = 0
    while np.minimum(lengths, most + 1).sum() <= total and most < lengths.max(initial=0):
        most += 1
    counts, longer = np.minimum(lengths, most), np.flatnonzero(lengths > most)
    missing = total - int(counts.sum())
    counts[longer[np.arange(missing) * len(longer) // max(missing, 1)]] += 1
    return [int(count) for count in counts]


def usual_ending(texts: Sequence[str], share: float = 0.5) -> str:
    """The punctuation mark that more than `share` of the texts end with, or ""."""
    endings = Counter(words[-1] for words in map(str.split, texts) if words)
    mark, count = endings.most_common(1)[0] if endings else ("", 0)
    return mark if count > share * len(texts) and not any(map(str.isalnum, mark)) else ""


def language_model_cuts(
    documents: Sequence[str], model: KneserNey, shortest: int, longest: int, ending: str = ""
) -> list[str]:
    """Each document cut where the language model of human texts finds the best end between two lengths (in words).

    The cut k maximises ln p(w₁ ... w_k, `ending`, </s>) / (k + 1 or 2): where human texts end in a full stop the cut
    text gets one, so that a cut inside the sentence is not charged for having none.
    """
    found = []
    for document in documents:
        words = document.split()
        ends = range(min(shortest, len(words)), min(longest, len(words)) + 1)
        cuts = [" ".join(words[:end] if words[end - 1 : end] == [ending] else [*words[:end], ending]) for end in ends]
        scores = model.score([cut.strip() for cut in cuts])
        found.append(cuts[int((scores.log_prob / scores.tokens).argmax())].strip())
    return found
