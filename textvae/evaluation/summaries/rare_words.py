"""Names and numbers, told by their rarity: lower-cased text has no other mark of a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np


class RareWords:
    """Which words of a text are rare in a collection of documents, or numbers.

    A word is rare if it stands in at most `share` of the documents (and in one, where these are few); a word of
    digits or `#` is a number. Punctuation and marks such as <unk> are neither.
    """

    def __init__(self, documents: Iterable[str], share: float = 0.002) -> None:
        counts: Counter[str] = Counter()
        number = 0
        for document in documents:
            counts.update(set(document.split()))
            number += 1
        self.frequent = frozenset(word for word, count in counts.items() if count > max(1, share * number))

    def __call__(self, text: str) -> set[str]:
        """The rare words and the numbers of a prepared string."""
        return {word for word in text.split() if is_number(word) or (is_word(word) and word not in self.frequent)}


def is_number(word: str) -> bool:
    """Whether a token is written with digits, or with the # that masks them."""
    return any(char.isdigit() or char == "#" for char in word)


def is_word(word: str) -> bool:
    """Whether a token has a letter and is not a mark such as <unk>."""
    return any(map(str.isalpha, word)) and not (word.startswith("<") and word.endswith(">"))


def kept_and_invented(summaries: Sequence[str], documents: Sequence[str], rare: RareWords) -> np.ndarray:
    """Per pair, (N, 4): rare words and numbers of the document, those of them in the summary; rare words and numbers of
    the summary, those of them that the document does not have.
    """
    found = np.zeros((len(summaries), 4))
    for row, (summary, document) in enumerate(zip(summaries, documents, strict=True)):
        ours, theirs = rare(summary), rare(document)
        found[row] = len(theirs), len(ours & theirs), len(ours), len(ours - set(document.split()))
    return found
