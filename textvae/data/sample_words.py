"""Reading the word tables of the bundled sample, drawing from them, and small English grammar."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

T = TypeVar("T")
Versions = tuple[str, ...]  # one wording per label

# Words that begin with a vowel letter but not with its sound, and the reverse.
CONSONANT_SOUND = ("use", "usual")
VOWEL_SOUND = ("hour", "honest", "x-ray")


def pick(rng: random.Random, items: Sequence[T]) -> T:
    """One item, uniformly. Only `random()` is promised to be the same in every Python, `choice` is not."""
    return items[int(rng.random() * len(items))]


def shuffled(rng: random.Random, items: Sequence[T]) -> list[T]:
    """Fisher-Yates with `random()` alone, for the same reason."""
    result = list(items)
    for i in range(len(result) - 1, 0, -1):
        j = int(rng.random() * (i + 1))
        result[i], result[j] = result[j], result[i]
    return result


@cache
def words_of(table: str) -> tuple[str, ...]:
    """The items of a comma-separated table."""
    return tuple(item.strip() for item in table.split(",") if item.strip())


@cache
def versions_of(table: str, labels: int) -> tuple[Versions, ...]:
    """The phrases of a table as (negative, positive), or with 3 labels as (negative, neutral, positive)."""
    result: list[Versions] = []
    for entry in words_of(table):
        negative, positive, neutral = (part.strip() for part in entry.split(" / "))
        if labels == 2:
            result.append((negative, positive))
        elif neutral != "-":
            result.append((negative, neutral, positive))
    return tuple(result)


@dataclass(frozen=True)
class Noun:
    """A noun, its number ("singular", "plural", "mass") and the tags that decide what can be said of it."""

    text: str
    number: str
    tags: frozenset[str] = frozenset()

    @staticmethod
    def parse(text: str, tags: str = "") -> Noun:
        number = {"+": "plural", "~": "mass"}.get(text[-1], "singular")
        return Noun(text.rstrip("+~"), number, frozenset(tags.split()))

    @property
    def plural(self) -> bool:
        return self.number == "plural"

    def agreement(self, suffix: str = "") -> dict[str, str]:
        """Slot → form that agrees with the noun; the suffix is that of the noun's slot ("2" for {n2})."""
        forms = {
            "be": "were" if self.plural else "was",
            "is": "are" if self.plural else "is",
            "it": "they" if self.plural else "it",
            "a": "a" if self.number == "singular" else "",
        }
        return {name + suffix: form for name, form in forms.items()}


def fix_articles(text: str) -> str:
    """Single spaces, and "an" for "a" before a vowel sound."""
    words = text.split()
    for i, following in enumerate(words[1:]):
        if words[i] == "a" and _vowel_sound(following):
            words[i] = "an"
    return " ".join(words)


def _vowel_sound(word: str) -> bool:
    if word.startswith(VOWEL_SOUND):
        return True
    return word[0] in "aeiou" and not word.startswith(CONSONANT_SOUND)
