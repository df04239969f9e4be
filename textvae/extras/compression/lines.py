"""Lines of any bytes as words that a model can predict, where these give back exactly the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from textvae.extras.compression.byte_model import LONGEST
from textvae.inference.pieces import LineReader, join_trailing
from textvae.text import TextConfig, detokenise, normalise, prepare, split_sentences
from textvae.tokenization.config import SPECIAL

MOST_PIECES = 1024
"""Sentences of a record at most; what has more is coded as bytes."""
NOT_WORDS = (SPECIAL.pad, SPECIAL.bos, SPECIAL.eos, SPECIAL.mask)
"""Tokens that mean something to the coder, should people have written them."""


class Ending(IntEnum):
    """What follows a record's text."""

    NOTHING = 0
    LF = 1
    CRLF = 2


ENDINGS = {Ending.NOTHING: b"", Ending.LF: b"\n", Ending.CRLF: b"\r\n"}


class Form(IntEnum):
    """How a record's bytes come from its words; CASED: some words have capitals, which are coded apart."""

    BYTES = 0
    AS_READ = 1
    WRITTEN = 2
    AS_READ_CASED = 3
    WRITTEN_CASED = 4

    @property
    def cased(self) -> bool:
        """Whether capitals are coded."""
        return self in (Form.AS_READ_CASED, Form.WRITTEN_CASED)

    @property
    def written(self) -> bool:
        """As people write it, not as the model reads it."""
        return self in (Form.WRITTEN, Form.WRITTEN_CASED)


class Case(IntEnum):
    """Capitals of a word."""

    LOWER = 0
    CAPITAL = 1
    UPPER = 2


@dataclass(frozen=True)
class Record:
    """A line's bytes without its end, or LONGEST bytes of a longer line, after which nothing stands but the rest."""

    text: bytes
    ending: Ending


@dataclass(frozen=True)
class Words:
    """What a model can predict of a record.

    pieces: token ids as the model reads them at once. unknown: the words that are `<unk>` in them, in order. cases: of
    the words of the whole line, empty unless the form is cased.
    """

    form: Form
    pieces: tuple[tuple[int, ...], ...]
    unknown: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()


def records(chunks: Iterable[bytes]) -> Iterator[Record]:
    """Cut bytes into records in bounded memory; joined they are the same bytes."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            *parts, last = [line[i : i + LONGEST] for i in range(0, max(len(line), 1), LONGEST)]
            yield from (Record(part, Ending.NOTHING) for part in parts)
            yield Record(last[:-1], Ending.CRLF) if last.endswith(b"\r") else Record(last, Ending.LF)
        while len(rest) > LONGEST:
            yield Record(rest[:LONGEST], Ending.NOTHING)
            rest = rest[LONGEST:]
    if rest:
        yield Record(rest, Ending.NOTHING)


def with_case(word: str, case: Case) -> str:
    """A lower-case word with the capitals of a case."""
    if case is Case.LOWER:
        return word
    return word.upper() if case is Case.UPPER else word[:1].upper() + word[1:]


def case_of(word: str) -> Case | None:
    """The first case that gives back `word` from its lower-case form; None where none does."""
    lower = word.lower()
    return next((case for case in Case if with_case(lower, case) == word), None)


def has_case(word: str) -> bool:
    """Whether a lower-case word may look another way."""
    return any(with_case(word, case) != word for case in Case)


class LineModel:
    """Records to words and back, for one tokenizer and one way of preparing text."""

    def __init__(self, reader: LineReader):
        self.reader, self.unk = reader, reader.unk
        self.cased = TextConfig(lowercase=False, tokenise=reader.text.tokenise)

    def parse(self, text: bytes) -> Words | None:
        """Words that `restore` turns back into `text`; None where there are none."""
        try:
            line = text.decode("utf-8")
        except UnicodeDecodeError:
            return None
        sentences = join_trailing([s for s in (prepare(s, self.cased) for s in split_sentences(normalise(line))) if s])
        words = " ".join(sentences).split(" ") if sentences else []
        cases = [case_of(word) for word in words]
        if not words or None in cases and self.reader.text.lowercase:
            return None
        if self.reader.text.lowercase:
            sentences = [sentence.lower() for sentence in sentences]
        encoded = zip(sentences, self.reader.encode(sentences), strict=True)
        pieces = tuple(tuple(part) for sentence, ids in encoded for part in self.cut(sentence, ids))
        unknown = self.unknown(sentences, pieces)
        if unknown is None or len(pieces) > MOST_PIECES or any(i in NOT_WORDS for piece in pieces for i in piece):
            return None
        for form in self.forms(words):
            kept = tuple(case for case in cases if case is not None) if form.cased else ()
            found = Words(form, pieces, unknown, kept)
            if self.restore(found) == text:
                return found
        return None

    def forms(self, words: Sequence[str]) -> tuple[Form, ...]:
        """The forms worth trying."""
        cased = self.reader.text.lowercase and any(word != word.lower() for word in words)
        return (Form.AS_READ_CASED, Form.WRITTEN_CASED) if cased else (Form.AS_READ, Form.WRITTEN)

    def cut(self, sentence: str, ids: Sequence[int]) -> Sequence[Sequence[int]]:
        """Runs of at most `max_tokens` ids."""
        return [ids] if len(ids) <= self.reader.max_tokens else self.reader.cut(sentence)

    def unknown(self, sentences: Sequence[str], pieces: Sequence[Sequence[int]]) -> tuple[str, ...] | None:
        """The words that became `<unk>`; None where ids and words do not go together."""
        ids = [i for piece in pieces for i in piece]
        if self.unk not in ids:
            return ()
        words = " ".join(sentences).split(" ")
        if len(words) != len(ids):
            return None
        return tuple(word for word, i in zip(words, ids, strict=True) if i == self.unk)

    def words(self, found: Words) -> list[str]:
        """The words of a record, without capitals."""
        if any(self.unk in piece for piece in found.pieces):
            spelled = iter(found.unknown)
            ids = [i for piece in found.pieces for i in piece]
            tokens = [str(token) for token in self.reader.tokenizer.convert_ids_to_tokens(ids)]
            return [next(spelled) if i == self.unk else token for i, token in zip(ids, tokens, strict=True)]
        return " ".join(self.reader.decode(found.pieces)).split(" ")

    def restore(self, found: Words) -> bytes:
        """The bytes of a record."""
        words = self.words(found)
        if found.form.cased:
            if len(found.cases) != len(words):
                return b""
            words = [with_case(word, case) for word, case in zip(words, found.cases, strict=True)]
        text = " ".join(words)
        return (detokenise(text, truecase=False, tight=False) if found.form.written else text).encode(
            "utf-8", "replace"
        )
