"""Which sentences of a document matter: those whose words the document repeats, early ones first."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Sequence

from textvae.inference.grammar import LIST, stem

OVERLAP = 0.5
"""Share of its content words at which a sentence says again what another has said."""


def content(words: Sequence[str]) -> frozenset[str]:
    """Stems of the words (lower case) that say what a sentence is about."""
    return frozenset(stem(word) for word in words if word not in LIST and any(c.isalnum() for c in word))


def ordered(sentences: Sequence[frozenset[str]], count: int) -> list[int]:
    """The `count` sentences that matter most, best first, by their content words.

    SumBasic (Nenkova & Vanderwende 2005): a sentence is worth the mean probability of its words in the document, and
    words that were chosen count less from then on. Times a weight for its place, as news begin with what matters.
    """
    frequency = Counter(word for sentence in sentences for word in sentence)
    weights = {word: number / len(sentences) for word, number in frequency.items()}

    def value(place: int) -> float:
        words = sentences[place]
        mean = sum(weights[word] for word in words) / max(len(words), 6)
        return mean * (0.5 + 1 / math.sqrt(1 + place))

    # weights only fall, so a value that is still the largest when it is computed again is the largest of all
    heap = [(-value(place), place) for place in range(len(sentences))]
    heapq.heapify(heap)
    chosen: list[int] = []
    while heap and len(chosen) < count:
        _, place = heapq.heappop(heap)
        now = -value(place)
        if heap and now > heap[0][0]:
            heapq.heappush(heap, (now, place))
            continue
        chosen.append(place)
        for word in sentences[place]:
            weights[word] **= 2
    return chosen


def repeats(words: frozenset[str], others: Sequence[frozenset[str]]) -> bool:
    """Whether a summary says what one of the others says."""
    return any(len(words & other) > OVERLAP * min(len(words), len(other)) for other in others if other and words)
