"""Where documents lie and how they are checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from textvae.data.config import LEFT_OUT
from textvae.errors import UserError

DocumentFormat = Literal["text", "jsonl"]


@dataclass
class DocumentDataConfig:
    """Documents, each a sequence of sentences."""

    source: DocumentFormat = "text"
    """`text`: train.txt, dev.txt and test.txt, one sentence a line, a blank line between documents. `jsonl`: one
    document a line, its sentences in `column`."""

    path: str = "data/sample-documents"
    """The folder of the files, or one single file (it becomes train, and dev is held out from it)."""

    train: str | None = None
    """Pattern of the training files below `path`, such as `shards/*.txt`. Default: train.txt or its shards."""

    dev: str | None = None
    """The same for dev. `none` leaves it out, and dev is held out from train."""

    test: str | None = None
    """The same for test. `none` leaves it out."""

    column: str = "sentences"
    """Column of a document (`jsonl`): a list of sentences, or a text, which is cut into sentences."""

    split: bool = False
    """Cut every line of text, and every item of a list, into sentences too (paragraphs, say)."""

    max_tokens: int = 32
    """Longest sentence, in words. Longer ones are left out of train; dev and test keep them, cut to this length."""

    min_sentences: int = 2
    """Fewest sentences of a document; shorter ones are left out and counted."""

    max_line_chars: int = 20_000
    """A sentence, or a line of text, with more characters than this is an error."""

    dev_fraction: float = 0.05
    """Share of the training documents held out when there is no dev split; always the same ones."""

    dev_max: int = 500
    """Most documents held out."""

    drop_leaked: bool = True
    """Take documents that also stand in dev or test out of train. They are counted either way."""

    def __post_init__(self) -> None:
        if self.source not in get_args(DocumentFormat):
            raise UserError(f"data.source is {self.source!r}: documents are read from {' or '.join(FORMATS)}")
        for name in ("max_tokens", "min_sentences", "max_line_chars", "dev_max"):
            if getattr(self, name) < 1:
                raise UserError(f"data.{name} is {getattr(self, name)}: it must be at least 1")
        if not 0 < self.dev_fraction < 1:
            raise UserError(f"data.dev_fraction is {self.dev_fraction}: it must lie between 0 and 1")
        if self.train == LEFT_OUT:
            raise UserError("data.train is `none`: there must be training documents")


FORMATS = get_args(DocumentFormat)
