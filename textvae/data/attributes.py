"""What a style is made of, by name: attributes such as sentiment and tense, each with its labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textvae.errors import UserError

UNNAMED = "style"
"""What an attribute is called that the data give no name."""
LENGTH = "length"
"""Name of the attribute that is derived from the number of words."""


@dataclass(frozen=True)
class Attributes:
    """names: of A attributes. labels: those of each; a sentence has one of each."""

    names: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, labels: Attributes | Mapping[str, Sequence[str]] | Sequence[str]) -> Attributes:
        """From the labels by attribute, or the labels of the one attribute."""
        if isinstance(labels, Attributes):
            return labels
        by_name = labels if isinstance(labels, Mapping) else {UNNAMED: labels}
        return cls(tuple(by_name), tuple(tuple(names) for names in by_name.values()))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many labels each has."""
        return tuple(map(len, self.labels))

    def by_name(self) -> dict[str, tuple[str, ...]]:
        """Labels by attribute."""
        return dict(zip(self.names, self.labels, strict=True))

    @property
    def label_names(self) -> tuple[str, ...]:
        """All labels of all attributes: with one the labels themselves, with several ATTRIBUTE=LABEL."""
        if len(self) == 1:
            return self.labels[0]
        return tuple(f"{name}={label}" for name, labels in self.by_name().items() for label in labels)

    def named(self, labels: Sequence[int]) -> str:
        """A label of each attribute in words."""
        names = [table[label] for table, label in zip(self.labels, labels, strict=True)]
        return names[0] if len(self) == 1 else ", ".join(f"{a}={x}" for a, x in zip(self.names, names, strict=True))

    def __str__(self) -> str:
        return ", ".join(self.label_names)

    def find(self, wanted: str) -> tuple[int, int]:
        """Attribute and label that LABEL or ATTRIBUTE=LABEL means. UserError where that is none, or several."""
        found = [(a, labels.index(wanted)) for a, labels in enumerate(self.labels) if wanted in labels]
        if len(found) == 1:
            return found[0]
        if found:
            choices = " or ".join(f"{self.names[a]}={wanted}" for a, _ in found)
            raise UserError(f"label {wanted!r} is not of one attribute alone; say {choices}")
        name, equals, label = wanted.partition("=")
        if equals and len(self) > 1:
            return self.find_of(name, label)
        raise UserError(f"unknown label {wanted!r}; this model knows: {self}")

    def find_of(self, name: str, label: str) -> tuple[int, int]:
        """Attribute and label by their names. UserError where there is no such attribute or label."""
        if name not in self.names:
            raise UserError(f"unknown attribute {name!r}; this model knows: {self}")
        known = self.by_name()[name]
        if label not in known:
            raise UserError(f"{name} has no label {label!r}; it knows: {', '.join(known)}")
        return self.names.index(name), known.index(label)

    def choose(self, target: str | Mapping[str, str] | Sequence[str]) -> dict[int, int]:
        """{attribute: label} of a label, several labels, or labels by attribute. UserError for two of one attribute."""
        if isinstance(target, Mapping):
            return dict(self.find_of(name, label) for name, label in target.items())
        chosen: dict[int, int] = {}
        for attribute, label in map(self.find, [target] if isinstance(target, str) else target):
            if chosen.setdefault(attribute, label) != label:
                raise UserError(f"two labels of {self.names[attribute]} are asked for; a sentence has one")
        return chosen


def length_label(words: int, bins: Sequence[int]) -> str:
    """The label of a number of words; bins [6, 10] have the labels 1-6, 7-10 and 11+."""
    return length_labels(bins)[sum(words > last for last in bins)]


def length_labels(bins: Sequence[int]) -> list[str]:
    """Labels of the attribute `length`: the last number of words of each bin but the endless one."""
    first = [1, *(last + 1 for last in bins)]
    return [f"{a}-{b}" for a, b in zip(first, bins, strict=False)] + [f"{first[-1]}+"]


def labels_of(rows: Iterable[Any], attribute: int) -> Iterator[int]:
    """One attribute's labels of rows that have a number each, or with several attributes a list of one for each."""
    return (int(row[attribute]) if hasattr(row, "__len__") else int(row) for row in rows)
