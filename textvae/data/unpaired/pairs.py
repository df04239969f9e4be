"""No text may be the summary of one of the documents: pairs are refused, whatever betrays them.

A text is paired with a document that has the same id, or stands in the same row of the same file. Two files whose
lines go together share words line by line. A text that a pair for evaluation has as its summary is left out, so that
no reference is ever trained on; short texts agree by accident (1 % of the compression data's references do), but where
many do, the texts hold the references, and that is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from textvae.data.checks import Tally, contains
from textvae.data.tokenized import evenly_spaced
from textvae.data.unpaired.staging import Staged
from textvae.errors import UserError
from textvae.text import words

ACCIDENTS = 0.05  # share of references among the texts, or of texts that equal a document, that may be an accident
SAMPLE = 2_000  # rows compared when two files may go together line by line
ALIGNED = 0.1  # by how much a text must share more of its words with its own row's document than with the next one
REMEDY = (
    "A text must be of another document: give other texts, or let one file serve both sides with data.documents.part "
    "1/2 and data.texts.part 2/2. To train on pairs all the same, set data.allow_pairs"
)


@dataclass(frozen=True)
class Sides:
    """Both sides and the pairs for evaluation, staged."""

    documents: Staged
    texts: Staged
    pairs: dict[str, Staged]
    allow_pairs: bool
    tally: Tally

    def kept(self) -> tuple[np.ndarray, np.ndarray]:
        """(documents,) and (texts,) bool: the rows to train on. Raises UserError where pairs are found."""
        self.same("row", "stands in the same row as the document")
        self.same("key", "has the id of the document")
        self.aligned()
        documents, texts = self.unleaked()
        return documents, texts & ~self.equal(texts)

    def refuse(self, row: int, reason: str, count: int) -> None:
        """Raise UserError naming text `row`, or note that the user wants it so."""
        if not self.allow_pairs:
            more = f" (and so do {count - 1:,} more)" if count > 1 else ""
            raise UserError(f"{self.texts.where(row, True)}: this text {reason}{more}. {REMEDY}")
        self.tally.add("paired", "texts", self.texts.where(row), count)

    def same(self, column: str, reason: str) -> None:
        """Refuse texts and documents with the same number in `column`."""
        ours, theirs = self.texts.numbers(column), self.documents.numbers(column)
        found = np.flatnonzero(contains(theirs[theirs != 0], ours) & (ours != 0))
        if len(found):
            document = int(np.flatnonzero(theirs == ours[found[0]])[0])
            self.refuse(int(found[0]), f"{reason} {self.documents.where(document, True)}", len(found))

    def aligned(self) -> None:
        """Refuse two files of equal length whose texts share more words with their own line's document than with the
        next one's."""
        if self.texts.totals != self.documents.totals:
            return
        ours, theirs = (
            s.numbers("file").astype(np.int64) << 40 | s.numbers("line") for s in (self.texts, self.documents)
        )
        shared, text_rows, document_rows = np.intersect1d(ours, theirs, return_indices=True)
        if len(shared) < 20:
            return
        sample = evenly_spaced(len(shared), SAMPLE)
        texts = [_words(t) for t in self.texts.table["text"].take(text_rows[sample]).to_pylist()]
        documents = [_words(t) for t in self.documents.table["text"].take(document_rows[sample]).to_pylist()]
        own = np.array([len(t & d) / len(t) for t, d in zip(texts, documents, strict=True)])
        other = np.array([len(t & d) / len(t) for t, d in zip(texts, documents[1:] + documents[:1], strict=True)])
        more = own - other
        if more.mean() > max(ALIGNED, 5 * more.std() / np.sqrt(len(more))):
            row, document = int(text_rows[sample][more.argmax()]), int(document_rows[sample][more.argmax()])
            reason = (
                f"goes with the document on the same line, {self.documents.where(document, True)}: line by line texts "
                f"share {own.mean():.0%} of their words with the documents, and {other.mean():.0%} one line further on"
            )
            self.refuse(row, reason, len(shared))

    def unleaked(self) -> tuple[np.ndarray, np.ndarray]:
        """(documents,) and (texts,) bool: what is neither document nor summary of a pair for evaluation."""
        masks = []
        for role, side in (("documents", self.documents), ("texts", self.texts)):
            leaked = np.zeros(len(side), dtype=bool)
            for staged in self.pairs.values():
                for column in ("hash", "summary_hash"):
                    leaked |= contains(staged.numbers(column), side.numbers("hash"))
                keys = staged.numbers("key")
                leaked |= contains(keys[keys != 0], side.numbers("key"))
            if leaked.any():
                self.tally.add("leaked_dropped", role, side.where(int(leaked.argmax())), int(leaked.sum()))
            masks.append(~leaked)
        for name, staged in self.pairs.items():
            self.references(name, staged)
        return masks[0], masks[1]

    def references(self, name: str, staged: Staged) -> None:
        """Refuse texts that hold more of the references of `name` than an accident explains."""
        references, hashes = staged.numbers("summary_hash"), self.texts.numbers("hash")
        held = contains(hashes, references)
        if held.mean() > ACCIDENTS:
            pair = int(held.argmax())
            row = int(np.flatnonzero(hashes == references[pair])[0])
            reason = (
                f"is the summary of {staged.where(pair, True)}, and {held.sum():,} of the {len(held):,} summaries of "
                f"{name} are among the texts"
            )
            self.refuse(row, reason, int(held.sum()))

    def equal(self, texts: np.ndarray) -> np.ndarray:
        """(texts,) bool: kept texts that equal a document; refused where they are many."""
        hashes, theirs = self.texts.numbers("hash"), self.documents.numbers("hash")
        found = texts & contains(theirs, hashes)
        if not found.any():
            return found
        row = int(found.argmax())
        if found.sum() > ACCIDENTS * max(int(texts.sum()), 1):
            document = int(np.flatnonzero(theirs == hashes[row])[0])
            self.refuse(row, f"equals the document {self.documents.where(document, True)}", int(found.sum()))
        self.tally.add("equal_dropped", "texts", self.texts.where(row), int(found.sum()))
        return found


_WORD = re.compile(r"\w{2,}|[^\W\d_]")


def _words(text: str) -> set[str]:
    """The words of a text (the characters of a script without spaces), punctuation left out where there are others."""
    found = words(text)
    return {word for word in found if _WORD.search(word)} or set(found)
