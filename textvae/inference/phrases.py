"""How a summary uses its document: whether it keeps phrases together, and how early it reads."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise


def kept_phrases(document: Sequence[Hashable], summary: Sequence[Hashable]) -> float:
    """Share of the pairs of neighbouring words of a summary that are neighbours in its document too, 0 to 1.

    What a length-normalised likelihood does not see: words that are all the document's and belong to different phrases
    of it, or a usual ending that has nothing to do with it. Kin of the density of extractive fragments (Grusky, Naaman
    & Artzi 2018, sec. 3). A summary of one word has no pairs: 0.
    """
    pairs = set(pairwise(document))
    return sum(pair in pairs for pair in pairwise(summary)) / max(len(summary) - 1, 1)


def place_of_words(document: Sequence[Hashable], summary: Sequence[Hashable]) -> float:
    """Mean place, 0 at the first word and below 1, at which the words of a summary first stand in its document.

    News begin with what matters (Nallapati, Zhai & Zhou 2017, sec. 2). Words that the document does not have are left
    out; 1 where it has none of them.
    """
    first: dict[Hashable, int] = {}
    for place, word in enumerate(document):
        first.setdefault(word, place)
    places = [first[word] for word in summary if word in first]
    return sum(places) / (len(places) * len(document)) if places else 1.0
