"""ROUGE-1, ROUGE-2 and ROUGE-L, F1 per pair (Lin 2004, "ROUGE: A package for automatic evaluation of summaries").

`rouge-score` computes them with Porter stemming. Its tokens are what is left of a text when everything but a-z and 0-9
has become a space, so Chinese or Russian would score 0. There the words of the script are the tokens, and each
character is one where words are not separated by spaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np

from textvae.text import spaced

MEASURES = ("rouge_1", "rouge_2", "rouge_l")
"""Names of the columns of `Rouge.scores`."""
Tokens = Literal["auto", "ascii", "unicode"]


class Rouge:
    """F1 of outputs against one reference each.

    `tokens`: "ascii" is rouge-score's own tokenisation, whose numbers are the published ones; "unicode" keeps the
    letters and digits of every script; "auto" is "unicode" where most letters of the references are not ASCII.
    Words of ASCII letters are stemmed in both.
    """

    def __init__(self, references: Sequence[str], tokens: Tokens = "auto") -> None:
        self.references = list(references)
        self.tokens = _choose(self.references) if tokens == "auto" else tokens

    @cached_property
    def _scorer(self) -> Any:
        from rouge_score.rouge_scorer import RougeScorer

        return RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=_Tokenizer(self.tokens))

    def scores(self, outputs: Sequence[str]) -> np.ndarray:
        """F1 in percent, (N, 3), columns as `MEASURES`; an empty output scores 0. 15,000 pairs a second."""
        found = np.zeros((len(self.references), len(MEASURES)))
        for row, (output, reference) in enumerate(zip(outputs, self.references, strict=True)):
            found[row] = [score.fmeasure for score in self._scorer.score(reference, output).values()]
        return 100 * found

    def describe(self) -> str:
        """One line that says what was computed."""
        tokens = "a-z 0-9" if self.tokens == "ascii" else "letters and digits of every script; characters where a "
        tokens += "" if self.tokens == "ascii" else "script has no spaces"
        return f"ROUGE F1 by rouge-score, Porter stemming, mean over pairs; tokens: {tokens}"


class _Tokenizer:
    """What rouge-score asks for: `tokenize(text) -> list of tokens`. Stems are remembered: they are the slow part."""

    def __init__(self, tokens: str) -> None:
        from nltk.stem.porter import PorterStemmer
        from rouge_score.tokenize import tokenize

        self._stem = lru_cache(maxsize=1 << 17)(PorterStemmer().stem)
        self._words = (lambda text: tokenize(text, None)) if tokens == "ascii" else _unicode_words

    def tokenize(self, text: str) -> list[str]:
        # rouge-score stems words of more than three characters, and drops what the stemmer leaves empty
        words = [self._stem(word) if len(word) > 3 and word.isascii() else word for word in self._words(text)]
        return [word for word in words if word]


def _unicode_words(text: str) -> list[str]:
    """Runs of letters, digits and the marks on them; lower-case."""
    import unicodedata

    kept = (char if unicodedata.category(char)[0] in "LNM" else " " for char in spaced(text.lower()))
    return "".join(kept).split()


def _choose(references: Sequence[str]) -> Literal["ascii", "unicode"]:
    ascii_letters = sum(char.isascii() for text in references for char in text if char.isalpha())
    letters = sum(char.isalpha() for text in references for char in text)
    return "ascii" if 2 * ascii_letters >= letters else "unicode"
