"""Words of writing systems with and without spaces, and the way from one form to the other."""

from __future__ import annotations

import re
import unicodedata

# Thai and Lao, Burmese, Khmer; kana and Chinese characters with their extensions and compatibility forms.
_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_MARKS = "\u3000-\u3004\u3008-\u303f\uff01-\uff0f\uff1a-\uff20"  # punctuation of Chinese and Japanese
_SPACES = "\u0085-\u0085\u200b-\u200b"  # what `textvae.text.normalise` makes a space of, or nothing
_ALONE = re.compile(rf"\s*([{_SPACELESS}{_MARKS}])")
_LETTER = re.compile(rf"[{_SPACELESS}]")
_GAP = re.compile(rf"(?<=[{_SPACELESS}{_MARKS}]) +(?=[{_SPACELESS}{_MARKS}])")


def spaced(text: str) -> str:
    """`text` with spaces around every character of a script written without them; other text as it is.

    So one `split()` gives words in English and characters in Chinese, Japanese, Thai, Lao, Khmer or Burmese (their
    marks stay with the character they stand on). Idempotent.
    """
    if text.isascii():
        return text
    cut: list[str] = []
    for part in _ALONE.split(text):
        if part and unicodedata.category(part[0]) in ("Mn", "Mc") and cut and not part[0].isspace():
            cut[-1] += part
        elif part.strip():
            cut.append(part.strip())
    return " ".join(cut)


def words(text: str) -> list[str]:
    """Words of a prepared string; characters, in a script without spaces."""
    return spaced(text).split()


def count_words(text: str) -> int:
    """How many `words` there are."""
    return len(words(text))


def first_bytes() -> frozenset[int]:
    """First bytes, in UTF-8, of all characters that may be words by themselves or spaces."""
    ends = re.findall("(.)-(.)", _SPACELESS + _MARKS + _SPACES)
    return frozenset(byte for a, b in ends for byte in range(a.encode()[0], b.encode()[0] + 1))


def is_spaced(text: str) -> bool:
    """Whether characters of a script without spaces are separated by some."""
    return not text.isascii() and _GAP.search(text) is not None


def close_up(text: str) -> str:
    """`text` without the spaces between characters of scripts that have none: what `spaced` did, undone."""
    return text if text.isascii() else _GAP.sub("", text)


def is_spaceless(word: str) -> bool:
    """Whether a word has a character of a script without spaces (punctuation not counted)."""
    return not word.isascii() and _LETTER.search(word) is not None
