"""Where documents, human texts and evaluation pairs lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from textvae.data.noise import NoiseConfig
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


@dataclass
class SummaryNoiseConfig:
    """How a text becomes a document; the target stays clean."""

    min_spans: int = 1
    """Fewest foreign spans."""
    max_spans: int = 3
    """Most foreign spans."""
    min_words: int = 2
    """Fewest words of a span (pieces, with a subword tokenizer; a word is never cut)."""
    max_words: int = 10
    """Most words of a span."""
    max_fills: int = 0
    """Most single words and pairs of words put inside the text, where documents have them between the same two words
    if such a place is found: what a person who writes short leaves out without leaving a hole."""
    before: float = 0.3
    """Share of spans put before the text."""
    after: float = 0.6
    """Share of spans put after the text (but before the full stop that ends it); the others go inside."""
    related: float = 0.7
    """Share of spans taken from a document that has a rare word of the text."""
    fluent: float = 0.5
    """Share of the other spans that are taken from after a word that stands before them in noise(y) too."""
    clauses: float = 0.5
    """Share of spans that are clauses: from one comma (or the beginning) of their document to another (or the end)."""
    rare: float = 0.002
    """A word is rare if at most this share of the documents has it (or ten of them)."""
    own: float = 0.7
    """A document that has this share of the text's words may be the text's own; nothing is taken from it."""
    drop: float = 0.06
    """Probability of leaving out a word of the text. Words outside the vocabulary, and rare ones, stay: nothing could
    restore them."""
    shuffle: float = 1.5
    """Words of the text move fewer than so many places, before spans are put in; 1 and less moves none."""
    max_tokens: int | None = None
    """Most tokens of noise(y). Default: the documents' maximum. Spans give way, words of the text do not."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_spans <= self.max_spans:
            raise UserError(f"noise.min_spans is {self.min_spans} and max_spans {self.max_spans}: give 0 <= min <= max")
        if self.max_fills < 0:
            raise UserError(f"noise.max_fills is {self.max_fills}: it must be 0 or more")
        if not 1 <= self.min_words <= self.max_words:
            raise UserError(f"noise.min_words is {self.min_words} and max_words {self.max_words}: give 1 <= min <= max")
        for name in ("before", "after", "related", "fluent", "clauses", "rare"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UserError(f"noise.{name} is {getattr(self, name)}: it must lie between 0 and 1")
        if self.before + self.after > 1.0:
            raise UserError(f"noise.before + noise.after is {self.before + self.after}: together they are at most 1")
        if not 0.0 < self.own <= 1.0:
            raise UserError(f"noise.own is {self.own}: it must lie above 0, at most 1")
        self.words()

    def words(self) -> NoiseConfig:
        """What is done to the text's own words."""
        return NoiseConfig(drop=self.drop, shuffle=self.shuffle)
