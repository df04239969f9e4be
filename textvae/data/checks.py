"""What is doubtful in a corpus: counted here, with the first place of each, and told in a `DataReport`.

What is wrong raises UserError instead. Sentences are compared by 64-bit hashes of their prepared text, in
numpy arrays: 8 bytes a sentence, where a set of strings takes over 100. With 10 million sentences the
expected number of pairs that agree by accident is n^2 / 2^65 = 3e-6.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from textvae.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from textvae.data.attributes import Attributes
    from textvae.data.config import DataConfig

FINDINGS = {
    "empty": "empty lines skipped",
    "control_characters": "sentences with control characters (blanked out)",
    "over_long_dropped": "sentences over data.max_tokens words left out",
    "over_long_cut": "sentences over data.max_tokens words cut to that length",
    "leaked_dropped": "sentences also in dev or test, taken out of train",
    "leaked_kept": "sentences also in dev or test, kept in train (data.drop_leaked is off)",
    "dev_in_test": "sentences also in test",
    "duplicates": "sentences that repeat an earlier one (kept)",
    "two_labels": "sentences that stand under more than one label (kept)",
    "empty_references": "empty references skipped",
    "unused_references": "reference files that belong to no label of test",
    "imbalance": "labels with less than a fifth of the largest label's sentences",
}
IMBALANCE = 5.0


@dataclass(frozen=True)
class Finding:
    """`count` occurrences of a doubtful `kind` (a key of FINDINGS) in a split; `first` is where the first
    stands."""

    kind: str
    split: str
    count: int
    first: str


@dataclass
class Tally:
    """Findings while they are being counted."""

    counts: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    splits: tuple[str, ...] = ("train", "dev", "test")
    kinds: dict[str, str] = field(default_factory=lambda: FINDINGS)

    def add(self, kind: str, split: str, first: str | Callable[[], str], count: int = 1) -> None:
        """Count; `first` is used the first time only, and may be a function where the place is costly to
        find."""
        entry = self.counts.get((split, kind))
        if entry is None:
            self.counts[split, kind] = [count, first() if callable(first) else first]
        else:
            entry[0] += count

    def findings(self) -> tuple[Finding, ...]:
        """All findings, in the order of `splits` and of `kinds`."""
        order = list(self.kinds)
        keys = sorted(self.counts, key=lambda key: (self.splits.index(key[0]), order.index(key[1])))
        return tuple(Finding(kind, split, *self.counts[split, kind]) for split, kind in keys)


@dataclass(frozen=True)
class SplitSummary:
    """Size of one split: sentences by readable label, words a sentence, references in all.

    sizes: how many of the labels belong to each attribute; empty where there is one attribute.
    """

    sentences: dict[str, int]
    mean_words: float
    max_words: int
    references: int = 0
    sizes: list[int] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.by_attribute()[0].values())

    def by_attribute(self) -> list[dict[str, int]]:
        """`sentences` of each attribute apart."""
        labels = iter(self.sentences.items())
        return [dict(itertools.islice(labels, size)) for size in self.sizes or [len(self.sentences)]]

    def words(self) -> str:
        """The length of its sentences."""
        return f"{self.mean_words:.1f} words on average, {self.max_words} at most"


@dataclass(frozen=True)
class DataReport:
    """What a corpus holds and what is doubtful in it; `lines()` for people, `to_dict()` for JSON."""

    kinds: ClassVar[dict[str, str]] = FINDINGS

    splits: dict[str, SplitSummary]
    findings: tuple[Finding, ...]
    held_out: bool = False  # dev was taken from train

    def lines(self) -> list[str]:
        """Summary, one line per split and one per finding."""
        return [self.split_line(name, split) for name, split in self.splits.items()] + [
            f"  {f.split}: {f.count:,} {self.kinds[f.kind]} (first: {f.first})" for f in self.findings
        ]

    def split_line(self, name: str, split: SplitSummary) -> str:
        """Size of a split: sentences, labels, words, references."""
        shares = list(split.sentences.items())
        labels = ", ".join(f"{label} {count:,}" for label, count in shares[:8])
        more = f" and {len(shares) - 8} more labels" if len(shares) > 8 else ""
        references = f", {split.references:,} references" if split.references else ""
        origin = ", held out from train" if self.held_out and name == "dev" else ""
        return f"{name}: {split.total:,} sentences ({labels}{more}), {split.words()}{references}{origin}"

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def count(self, kind: str, split: str = "train") -> int:
        """How often `kind` was found in `split`."""
        if kind not in self.kinds:
            raise KeyError(kind)
        return sum(f.count for f in self.findings if (f.kind, f.split) == (kind, split))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` takes them back."""
        return {
            "splits": {name: dict(vars(split)) for name, split in self.splits.items()},
            "findings": [dict(vars(finding)) for finding in self.findings],
            "held_out": self.held_out,
        }

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> DataReport:
        """The report that `to_dict` was called on."""
        return cls(
            {name: SplitSummary(**split) for name, split in value["splits"].items()},
            tuple(Finding(**finding) for finding in value["findings"]),
            value["held_out"],
        )


# ---- which rows to keep


@dataclass(frozen=True)
class Columns:
    """One split as arrays of N rows: `hashes` uint64, `labels` int64 (class), `words` int32.

    A class is a label, or with several attributes a combination of them. `where(row)` is FILE:LINE for reports,
    `where(row, full=True)` has the full path for errors.
    """

    hashes: np.ndarray
    labels: np.ndarray
    words: np.ndarray
    where: Callable[..., str]


def choose_rows(splits: dict[str, Columns], config: DataConfig, tally: Tally) -> dict[str, np.ndarray]:
    """Boolean masks (N,) over the rows of each split; a missing dev is a mask over train's rows.

    Train loses sentences that are over-long and, with `drop_leaked`, those that stand in dev or test.
    """
    import numpy as np

    train = splits["train"]
    keep = train.words <= config.max_tokens
    others = [splits[split].hashes for split in ("dev", "test") if split in splits]
    keep = _drop_leaked(train, keep, np.concatenate(others) if others else train.hashes[:0], config, tally)
    masks = {split: np.ones(len(columns.hashes), dtype=bool) for split, columns in splits.items()}
    if "dev" not in splits:
        masks["dev"] = hold_out(train, keep, config)
        keep = _drop_leaked(train, keep & ~masks["dev"], train.hashes[masks["dev"]], config, tally)
    masks["train"] = keep
    return masks


def _drop_leaked(
    train: Columns, keep: np.ndarray, evaluation: np.ndarray, config: DataConfig, tally: Tally
) -> np.ndarray:
    leaked = keep & contains(evaluation, train.hashes)
    if leaked.any():
        kind = "leaked_dropped" if config.drop_leaked else "leaked_kept"
        tally.add(kind, "train", train.where(int(leaked.argmax())), int(leaked.sum()))
    return keep & ~leaked if config.drop_leaked else keep


def contains(values: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """(N,) bool: whether each query is among `values`. One sort of the values, which are the smaller side."""
    import numpy as np

    if not len(values):
        return np.zeros(len(queries), dtype=bool)
    ordered = np.sort(values)
    nearest = np.searchsorted(ordered, queries)
    np.minimum(nearest, len(ordered) - 1, out=nearest)
    found: np.ndarray = ordered[nearest] == queries
    return found


def hold_out(train: Columns, keep: np.ndarray, config: DataConfig) -> np.ndarray:
    """(N,) bool: the `dev_fraction` of each class's kept sentences that has the smallest hashes.

    A hash of the text is a fair draw that depends neither on the order of the lines nor on a seed, so a
    sentence stays on its side when lines are added. Of repeated sentences the first is taken; one sentence
    at least stays.
    """
    import numpy as np

    fraction = min(config.dev_fraction, config.dev_max / max(1, int(keep.sum())))
    held = np.zeros(len(keep), dtype=bool)
    kept = np.flatnonzero(keep)
    kept = kept[np.argsort(train.labels[kept], kind="stable")]
    for label in np.unique(train.labels):
        start, stop = np.searchsorted(train.labels[kept], [label, label + 1])
        rows = kept[start:stop]
        drawn = draw(train.hashes[rows], fraction)
        if not len(drawn) and len(config.attributes) == 1:  # a rare combination of labels stays in train whole
            place = train.where(int(np.flatnonzero(train.labels == label)[0]), full=True)
            raise UserError(
                f"{place}: its label has {min(len(rows), 1)} different sentences left in train, too few to hold "
                "out dev; give a dev split or more sentences"
            )
        held[rows[drawn]] = True
    return held


def draw(hashes: np.ndarray, fraction: float) -> np.ndarray:
    """Numbers of the `fraction` of N rows that has the smallest hashes, of equal rows the first.

    At least one, and not all; none where there are fewer than two different ones.
    """
    import numpy as np

    _, first = np.unique(hashes, return_index=True)  # in the order of the hashes
    count = min(max(1, round(fraction * len(hashes))), len(first) - 1)
    return first[: max(count, 0)]


def count_repeats(split: str, columns: Columns, rows: np.ndarray, tally: Tally) -> None:
    """Count sentences that repeat an earlier one under the same label, and sentences under several labels.

    `rows` (M,) are the indices that were kept.
    """
    import numpy as np

    # Only rows that share their hash are sorted by label and place: sorting all took 60 bytes a row, this 35.
    rows = rows[contains(_repeated(columns.hashes[rows]), columns.hashes[rows])]
    hashes, labels = columns.hashes[rows], columns.labels[rows]
    order = np.lexsort((rows, labels, hashes))  # by hash, then label, then place
    hashes, labels, rows = hashes[order], labels[order], rows[order]
    same = hashes[1:] == hashes[:-1]
    repeats = rows[1:][same & (labels[1:] == labels[:-1])]
    # a row that opens the next label of one hash; a sentence under three labels has two such rows
    changes = np.flatnonzero(same & (labels[1:] != labels[:-1])) + 1
    if len(repeats):
        tally.add("duplicates", split, columns.where(int(repeats.min())), len(repeats))
    if len(changes):
        sentences = len(np.unique(hashes[changes]))
        tally.add("two_labels", split, columns.where(int(rows[changes].min())), sentences)


def _repeated(hashes: np.ndarray) -> np.ndarray:
    """The values that occur more than once."""
    import numpy as np

    ordered = np.sort(hashes)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def count_overlap(dev: Columns, test: Columns, tally: Tally) -> None:
    """Count sentences of dev that also stand in test; neither loses them."""
    shared = contains(test.hashes, dev.hashes)
    if shared.any():
        tally.add("dev_in_test", "dev", dev.where(int(shared.argmax())), int(shared.sum()))


def check_balance(summary: SplitSummary, tally: Tally) -> None:
    """Count labels of train that are heavily outnumbered."""
    for sentences in summary.by_attribute():
        largest = max(sentences.values())
        small = {label: count for label, count in sentences.items() if count * IMBALANCE < largest}
        if small:
            label = min(small, key=lambda name: small[name])
            tally.add("imbalance", "train", f"{label}: {small[label]:,} against {largest:,}", len(small))


def check_labels(
    present: Mapping[str, Iterable[str]], attributes: Attributes, where: str, several: bool = True
) -> None:
    """Raise UserError unless there are two labels of each attribute (if `several`) and every split has the same ones.

    `present` maps split to the readable labels found in it, in any order.
    """
    found = {split: set(labels) for split, labels in present.items()}
    train, names = found["train"], iter(attributes.label_names)
    for size in attributes.sizes:
        only = train & set(itertools.islice(names, size))
        if several and len(only) < 2:
            raise UserError(
                f"{where}: train has only the label {', '.join(only)!r}; a style needs another to differ from"
            )
    for split, labels in found.items():
        for label in sorted(train ^ labels):
            lacking, having = (split, "train") if label in train else ("train", split)
            raise UserError(
                f"{where}: label {label!r} is in {having} but not in {lacking}; every split needs every "
                "label: add sentences, map labels with data.labels (data.attribute_labels), or leave the split out "
                f"(--data.{split} none)"
            )
