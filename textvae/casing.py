"""Capitals of names, which models that read lower case do not see: taken from the text that was rewritten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from textvae.text import TextConfig, prepare


def cased_forms(text: str, config: TextConfig) -> dict[str, str]:
    """Lower-case to the first form with capitals of each word of a text that is never in lower case.

    The first word of a sentence has a capital anyway, so it counts only with another one inside (NATO, iPhone). A text
    without small letters tells nothing.
    """
    if text == text.upper():
        return {}
    words = prepare(text, replace(config, lowercase=False)).split(" ")
    plain = {word for word in words if word == word.lower()}
    forms: dict[str, str] = {}
    for before, word in zip((".", *words), words, strict=False):
        first = before in (".", "!", "?", "``", "''", ":", "--")
        if word.lower() not in plain and (not first or any(c.isupper() for c in word[1:])):
            forms.setdefault(word.lower(), word)
    return forms


def recased(text: str, forms: Mapping[str, str]) -> str:
    """A tokenised text with each word in the form it has in `forms`."""
    return " ".join(forms.get(word, word) for word in text.split(" ")) if forms else text
