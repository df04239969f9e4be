"""What the data are, where they lie and how they are checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from textvae.data.attributes import LENGTH, UNNAMED, length_labels
from textvae.errors import UserError

SourceName = Literal["files", "jsonl", "csv", "parquet", "hub", "lines", "trees"]
LEFT_OUT = "none"
ATTRIBUTE_NAME = re.compile(r"(?!all$)[\w-]+")  # `textvae evaluate` names folders by it
UNLABELLED: tuple[SourceName, ...] = ("lines", "trees")
"""Sources whose sentences have no label."""


@dataclass
class DataConfig:
    """One corpus of sentences; where they have labels, a style is a label, or a label of each of several attributes."""

    source: SourceName = "files"
    """Format: `files` (a folder of NAME.SPLIT.LABEL, one sentence a line), `jsonl`, `csv` (and tsv),
    `parquet`, `hub` (a Hugging Face data set by id, or a local folder of one), `lines` (plain text without
    labels, one sentence a line: train.txt, dev.txt and test.txt in a folder, or one file; for `sentence_vae`),
    or `trees` (the same with a tree in brackets on each line, as the Penn Treebank writes them; for `tree`)."""

    path: str = "data/yelp"
    """The folder of the files, or one single file (it becomes train, and dev is held out from it), or the
    id of a Hugging Face data set."""

    name: str = "sentiment"
    """NAME in NAME.SPLIT.LABEL (`files` only)."""

    train: str | None = None
    """Pattern of the training files below `path`, such as `shards/*.jsonl` (jsonl, csv, parquet, lines), or the
    name of the split (hub). Default: train.jsonl, train-00000-of-00004.jsonl and so on, or the split
    `train`."""

    dev: str | None = None
    """The same for dev; by default `dev`, `validation`, `valid` and `val` are looked for. `none` leaves it
    out, and dev is held out from train."""

    test: str | None = None
    """The same for test. `none` leaves it out."""

    subset: str | None = None
    """Configuration of a Hugging Face data set that has several, such as `sst2` of `glue` (`hub` only)."""

    revision: str | None = None
    """Commit, tag or branch of a Hugging Face data set; a commit makes the run repeatable (`hub` only)."""

    text_column: str = "text"
    """Column of the sentence (all but `files`)."""

    label_column: str = "label"
    """Column of the style: text, a whole number or true/false (all but `files`)."""

    label_columns: dict[str, str] | None = None
    """Several attributes instead of one: the column of each, as {"sentiment": "stars", "tense": "tense"} (all but
    `files`). Every sentence needs a label of each attribute."""

    length_bins: list[int] | None = None
    """One more attribute, `length`, found by counting words: [6, 10] gives it the labels 1-6, 7-10 and 11+."""

    reference_column: str | None = None
    """Column of the human rewritings of a test sentence, a text or a list of texts (all but `files`, which
    reads reference.LABEL). With several attributes: of rewritings that change the first one alone."""

    group_column: str | None = None
    """Column of train that names the group of a sentence, whose members share a factor (`clamping`): text or a whole
    number; null or empty where it has none. For `files` the name of GROUP_COLUMN.LABEL, whose line i is the group of
    line i of NAME.train.LABEL."""

    delimiter: str | None = None
    """Separator of csv columns. Default: a tab in .tsv files, a comma elsewhere. Columns separated by tabs
    are read without quoting."""

    labels: dict[str, str] | None = None
    """Readable name of each label in the data, as {"0": "negative", "1": "positive"}, in the order of the
    classes; several labels may share one name. Default: the labels themselves, sorted."""

    attribute_labels: dict[str, dict[str, str]] | None = None
    """The same for some or all of several attributes, by attribute."""

    max_tokens: int = 32
    """Longest sentence, in words. Longer ones are left out of train; dev and test keep them, cut to this
    length. Both are counted."""

    max_line_chars: int = 20_000
    """A sentence with more characters than this is an error: such a file is not one sentence a line."""

    dev_fraction: float = 0.05
    """Share of each label's training sentences held out when there is no dev split; always the same ones."""

    dev_max: int = 5_000
    """Most sentences held out, over all labels."""

    drop_leaked: bool = True
    """Take sentences that also stand in dev or test out of train. They are counted either way."""

    def __post_init__(self) -> None:
        if self.source not in get_args(SourceName):
            raise UserError(f"data.source is {self.source!r}: choose one of {', '.join(get_args(SourceName))}")
        self._check_numbers()
        self._check_splits()
        self._check_attributes()
        self._check_groups()
        if self.labels is not None:
            self.labels = _mapping(self.labels, "data.labels")
        for name, mapping in (self.attribute_labels or {}).items():
            assert self.attribute_labels is not None
            self.attribute_labels[name] = _mapping(mapping, f"data.attribute_labels.{name}")

    @property
    def attributes(self) -> tuple[str, ...]:
        """What a style is made of, in order; `style` where the data name nothing."""
        names = tuple(self.label_columns) if self.label_columns else (UNNAMED,)
        return (*names, LENGTH) if self.length_bins else names

    def no_groups(self, task: str) -> None:
        """Raise UserError where groups are named for a task that does not read them."""
        if self.group_column is not None:
            raise UserError(f"data.group_column is read by task style_transfer alone (`clamping`), not by {task}")

    def label_mapping(self, attribute: str) -> dict[str, str] | None:
        """Readable names of an attribute's labels, in the order of the classes; None where the data tell them."""
        if attribute == LENGTH and self.length_bins:
            return {name: name for name in length_labels(self.length_bins)}
        if self.label_columns is None:
            return self.labels
        return (self.attribute_labels or {}).get(attribute)

    def _check_attributes(self) -> None:
        bins = self.length_bins
        if bins is not None and (not bins or bins[0] < 1 or sorted(set(bins)) != bins):
            raise UserError(f"data.length_bins is {bins}: give numbers of words that rise, such as [6, 10]")
        if self.label_columns is None:
            if self.attribute_labels:
                raise UserError("data.attribute_labels goes with data.label_columns; for one attribute use data.labels")
            return
        if self.source == "files":
            raise UserError("data.label_columns needs a source with columns: `files` has one label a file name")
        if self.labels is not None:
            raise UserError("data.labels is of one attribute; with data.label_columns use data.attribute_labels")
        names = self.attributes
        if not self.label_columns or len(set(names)) < len(names) or not all(map(ATTRIBUTE_NAME.fullmatch, names)):
            raise UserError(
                f"data.label_columns is {self.label_columns}: attributes need different names of letters, digits, '-' "
                "and '_', and none is called 'all'"
            )
        if unknown := set(self.attribute_labels or ()) - set(self.label_columns):
            raise UserError(f"data.attribute_labels: data.label_columns has no attribute {sorted(unknown)[0]!r}")

    def _check_groups(self) -> None:
        if self.group_column is None:
            return
        if self.source in UNLABELLED:
            raise UserError(f"data.group_column needs labelled sentences; source {self.source} has none")
        taken = [self.name] if self.source == "files" else [self.text_column, self.label_column]
        if self.label_columns:
            taken = [self.text_column, *self.label_columns.values()]
        if not self.group_column or self.group_column in taken:
            raise UserError(f"data.group_column is {self.group_column!r}: name a column (or file) of its own")

    def _check_numbers(self) -> None:
        for field in ("max_tokens", "max_line_chars", "dev_max"):
            if getattr(self, field) < 1:
                raise UserError(f"data.{field} is {getattr(self, field)}: it must be at least 1")
        if not 0 < self.dev_fraction < 1:
            raise UserError(f"data.dev_fraction is {self.dev_fraction}: it must lie between 0 and 1")
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '\r\n"'):
            raise UserError(f"data.delimiter is {self.delimiter!r}: it must be one character, such as ';'")

    def _check_splits(self) -> None:
        if self.train == LEFT_OUT:
            raise UserError("data.train is `none`: there must be training sentences")
        for split in ("train", "dev", "test"):
            if self.source == "files" and getattr(self, split) not in (None, LEFT_OUT):
                raise UserError(f"data.{split} is a pattern, but `files` reads {self.name}.{split}.LABEL")


def _mapping(labels: dict[str, str], option: str) -> dict[str, str]:
    """Readable names as text; UserError for fewer than two, or an empty one."""
    found = {str(raw): str(name) for raw, name in labels.items()}
    if len(set(found.values())) < 2 or not all(name.strip() for name in found.values()):
        raise UserError(f"{option} is {found}: give at least two different names, none empty")
    return found


@dataclass
class CurriculumConfig:
    """Sentences of at most `first` words in the first epoch, `growth` words more in each further one."""

    first: int | None = None
    """Longest sentence of the first epoch, in tokens. Default: all from the start."""
    growth: int = 1
    """Tokens by which the longest sentence grows with each epoch."""

    def __post_init__(self) -> None:
        if (self.first is not None and self.first < 1) or self.growth < 1:
            raise UserError("curriculum.first and .growth must be at least 1")

    def longest(self, epoch: int) -> int | None:
        """Longest sentence of an epoch, None where there is no bound."""
        return None if self.first is None else self.first + epoch * self.growth
