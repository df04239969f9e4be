"""Where documents, human texts and evaluation pairs lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from textvae.errors import UserError

FormatName = Literal["auto", "text", "jsonl", "csv", "parquet", "hub"]
Paragraphs = Literal["first", "all"]


@dataclass
class FilesConfig:
    """One source: a file, several by a pattern, or a Hugging Face data set."""

    path: str = ""
    """A file, a pattern such as `shards/*.jsonl`, or the id of a Hugging Face data set (or a local folder of one)."""

    format: FormatName = "auto"
    """`text` (one a line), `jsonl`, `csv` (and tsv), `parquet`, `hub`. `auto`: by the ending, else `text`."""

    id_column: str | None = None
    """Column of an id that the same document has in every file; rows are told apart by it."""

    paragraphs: Paragraphs = "first"
    """What is read of a column that holds a list of texts: its `first` that is not empty, or `all`, joined."""

    split: str = "train"
    """Split of a Hugging Face data set."""

    subset: str | None = None
    """Configuration of a Hugging Face data set that has several."""

    revision: str | None = None
    """Commit, tag or branch of a Hugging Face data set; a commit makes the run repeatable."""

    delimiter: str | None = None
    """Separator of csv columns. Default: a tab in .tsv files, a comma elsewhere."""

    max_line_chars: int = 200_000
    """A text with more characters than this is an error: such a file is not one text a line."""

    def __post_init__(self) -> None:
        if self.format not in get_args(FormatName):
            raise UserError(f"format is {self.format!r}: choose one of {', '.join(get_args(FormatName))}")
        if self.paragraphs not in get_args(Paragraphs):
            raise UserError(f"paragraphs is {self.paragraphs!r}: choose first or all")
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '\r\n"'):
            raise UserError(f"delimiter is {self.delimiter!r}: it must be one character, such as ';'")
        if self.max_line_chars < 1:
            raise UserError(f"max_line_chars is {self.max_line_chars}: it must be at least 1")


@dataclass
class SideConfig(FilesConfig):
    """One side of unpaired data: the documents, or the short texts people wrote about *other* documents."""

    column: str = "text"
    """Column of the text (all formats but `text`)."""

    part: str = "1/1"
    """`1/2` is the first of two parts, chosen by a hash of the id, or of the whole row where there is none. With `1/2`
    for one side and `2/2` for the other, one file serves both without sharing a document."""

    min_tokens: int = 1
    """Fewest words; shorter ones are left out and counted."""

    max_tokens: int = 60
    """Most words (subwords: twice as many pieces). Longer documents are cut when they are trained on, longer texts are
    left out; both are counted."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.min_tokens <= self.max_tokens:
            raise UserError(
                f"min_tokens is {self.min_tokens} and max_tokens {self.max_tokens}: give 1 <= min_tokens <= max_tokens"
            )
        self.part_numbers()

    def part_numbers(self) -> tuple[int, int]:
        """(which part, from 1; how many there are)."""
        number, slash, count = self.part.partition("/")
        if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            raise UserError(f"part is {self.part!r}: write it as 1/2, the first of two parts")
        return int(number), int(count)


@dataclass
class PairsConfig(FilesConfig):
    """Documents with their summaries: for evaluation, never read by a training."""

    document_column: str = "document"
    """Column of the document."""

    summary_column: str = "summary"
    """Column of the summary a person wrote; a list of texts is joined."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.format == "text":
            raise UserError("pairs need two columns: give a jsonl, csv, parquet or hub source, not text")


@dataclass
class UnpairedDataConfig:
    """Documents, human-written texts of other documents, and pairs to evaluate on."""

    documents: SideConfig = field(default_factory=lambda: SideConfig(path="data/sample-news/documents.train.txt"))
    """What is to be summarised."""

    texts: SideConfig = field(
        default_factory=lambda: SideConfig(path="data/sample-news/summaries.train.txt", min_tokens=2, max_tokens=20)
    )
    """How people write short: titles or summaries of documents that are not among the documents."""

    dev: PairsConfig | None = None
    """Pairs to measure on while developing; evaluation only."""

    test: PairsConfig | None = None
    """Pairs to measure on at the end; evaluation only."""

    allow_pairs: bool = False
    """Accept a text that belongs to one of the documents. What is trained then is no longer unsupervised."""

    dev_fraction: float = 0.02
    """Share of documents and of texts held out, unlabelled, to choose the checkpoint by; always the same ones."""

    dev_max: int = 1_000
    """Most documents, and most texts, held out."""

    def __post_init__(self) -> None:
        if not 0 < self.dev_fraction < 1:
            raise UserError(f"data.dev_fraction is {self.dev_fraction}: it must lie between 0 and 1")
        if self.dev_max < 1:
            raise UserError(f"data.dev_max is {self.dev_max}: it must be at least 1")
        for name, side in (("documents", self.documents), ("texts", self.texts)):
            if not side.path:
                raise UserError(f"data.{name}.path is empty: give the file of the {name}")
