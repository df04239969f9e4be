"""From a line of text to token ids and back: cut into sentences, over-long ones at clauses, and rejoined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from textvae.inference.contract import quotes_open
from textvae.text import (
    TextConfig,
    cased_forms,
    detokenise,
    lower_cased,
    normalise,
    one_line,
    prepare,
    recased,
    split_sentences,
)
from textvae.tokenization.config import SPECIAL, SpecialIds
from textvae.tokenization.pretrained import loses_spaces

Detokenise = Literal["auto"] | bool

CLAUSE_ENDS = frozenset((",", ";", ":", "--", "...", ")", "''"))
CLAUSE_STARTS = frozenset(
    (
        "and",
        "but",
        "because",
        "so",
        "which",
        "who",
        "that",
        "although",
        "though",
        "while",
        "when",
        "if",
        "or",
        "then",
    )
)


@dataclass(frozen=True)
class Piece:
    """What the model reads at once: token ids without `</s>`. ends: a full sentence ends here.

    unknown, numbers: the words that it reads as `<unk>` and as `_num_`, in order, where every token is a word.
    words: all of them with the capitals of the line. quoted: it begins inside a quotation.
    """

    ids: tuple[int, ...]
    ends: bool = True
    unknown: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    words: tuple[str, ...] = field(default=(), compare=False)
    quoted: bool = field(default=False, compare=False)


class Sentence(NamedTuple):
    """A sentence as it stands in a line, tokenised with its capitals, and as the model reads it."""

    raw: str
    cased: str
    prepared: str


@dataclass(frozen=True)
class Line:
    """One line of a user. prepared: it came in the form the model reads. truecase: it has capital letters.

    forms: lower-case words to the forms with capitals that they have in it. sentences: as they stand in it.
    """

    text: str
    pieces: tuple[Piece, ...]
    prepared: bool
    truecase: bool
    forms: Mapping[str, str] = field(default_factory=dict, compare=False)
    sentences: tuple[str, ...] = ()


class LineReader:
    """Lines of text to `Line`s of at most `max_tokens` tokens a piece, and written pieces back to text."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        text: TextConfig,
        max_tokens: int,
        unk: int = 3,
        number: str | None = None,
    ):
        """number: the word that stands for numbers in the training data; where the vocabulary has it, numbers that it
        does not know are read as that.
        """
        self.tokenizer, self.text, self.max_tokens, self.unk = tokenizer, text, max_tokens, unk
        self.loses_spaces = loses_spaces(tokenizer)
        self.puts_back = type(tokenizer.backend_tokenizer.model).__name__ == "WordLevel"
        """Whether words that the model does not know can be put back where a rewriting keeps them."""
        known = tokenizer.get_vocab().get(number) if number and self.puts_back else None
        self.number, self.number_id = number, known

    def read(self, lines: Sequence[str]) -> list[Line]:
        """All pieces are tokenised in one call. A line without words has no pieces."""
        sentences = [self.sentences(line) for line in lines]
        flat = [s.prepared for parts in sentences for s in parts]
        ids = iter(self.encode(flat) if flat else [])
        return [
            self.line(line, parts, [next(ids) for _ in parts]) for line, parts in zip(lines, sentences, strict=True)
        ]

    def sentences(self, line: str) -> list[Sentence]:
        """Those of a line that have anything to read."""
        cased = replace(self.text, lowercase=False)
        raw = split_sentences(normalise(line))
        found = [Sentence(s, c, lower_cased(c) if self.text.lowercase else c) for s in raw if (c := prepare(s, cased))]
        groups = joined_groups([sentence.prepared for sentence in found])
        return [Sentence(*map(" ".join, zip(*found[begin:end], strict=True))) for begin, end in groups]

    def line(self, text: str, sentences: list[Sentence], ids: list[list[int]]) -> Line:
        """Put one line together; sentences of more than `max_tokens` tokens are cut."""
        pieces: list[Piece] = []
        quoted = False
        for sentence, tokens in zip(sentences, ids, strict=True):
            parts = [tokens] if len(tokens) <= self.max_tokens else self.cut(sentence.prepared)
            for i, (part, words) in enumerate(zip(parts, self.words(sentence, parts), strict=True)):
                if part:
                    pieces.append(self.piece(part, words, i == len(parts) - 1, quoted))
                quoted = quotes_open(words, quoted)
        if quoted:  # the marks of the line do not pair, so they tell nothing
            pieces = [replace(piece, quoted=False) for piece in pieces]
        prepared = " ".join(s.prepared for s in sentences) == text.strip()
        truecase = self.text.lowercase and text != text.lower()
        forms = cased_forms(text, self.text) if truecase else {}
        read = tuple(s.raw for s, tokens in zip(sentences, ids, strict=True) if tokens)
        return Line(text, tuple(pieces), prepared, truecase, forms, read)

    def piece(self, ids: list[int], words: tuple[str, ...], ends: bool, quoted: bool) -> Piece:
        """One piece; of a tokenizer of words also what stands behind its placeholders."""
        if not self.puts_back or len(words) != len(ids):
            return Piece(tuple(ids), ends, words=words, quoted=quoted)
        if self.number_id is not None:
            ids = [
                self.number_id if i == self.unk and is_bare_number(w) else i for i, w in zip(ids, words, strict=True)
            ]
        lower = [word.lower() if self.text.lowercase else word for word in words]
        unknown, numbers = (
            tuple(word for i, word in zip(ids, lower, strict=True) if i == wanted)
            for wanted in (self.unk, self.number_id)
        )
        return Piece(tuple(ids), ends, unknown, numbers, words, quoted)

    def words(self, sentence: Sentence, parts: list[list[int]]) -> list[tuple[str, ...]]:
        """The words of each part of a sentence, a list of token ids, with their capitals."""
        words = sentence.cased.split(" ")
        if len(words) != len(sentence.prepared.split(" ")):  # a letter whose small form is two
            words = sentence.prepared.split(" ")
        if len(parts) == 1:
            return [tuple(words)]
        if self.puts_back and len(words) == sum(map(len, parts)):
            left = iter(words)
            return [tuple(word for _, word in zip(part, left, strict=False)) for part in parts]
        return [tuple(self.decode([part])[0].split()) for part in parts]

    @cached_property
    def ids(self) -> dict[str, int]:
        """The vocabulary."""
        return dict(self.tokenizer.get_vocab())

    def prepared(self, piece: Piece) -> str:
        """The string of a piece as the model reads it, with its own words."""
        text = " ".join(piece.words)
        return lower_cased(text) if self.text.lowercase else text

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Token ids of prepared strings."""
        return self.tokenizer(texts, add_special_tokens=False, return_attention_mask=False)["input_ids"]

    def cut(self, sentence: str) -> list[list[int]]:
        """An over-long sentence as runs of at most `max_tokens` ids, ended at clauses where there are any."""
        words = sentence.split(" ")
        encoded = self.encode(words)
        # a word longer than the limit (only subword tokenizers have them) is cut within
        units = [
            (word, ids[i : i + self.max_tokens])
            for word, ids in zip(words, encoded, strict=True)
            for i in range(0, len(ids), self.max_tokens)
        ]
        runs, begin = [], 0
        while begin < len(units):
            end = clause_end(units, begin, self.max_tokens)
            runs.append([token for _, ids in units[begin:end] for token in ids])
            begin = end
        return runs

    def write(
        self, outputs: Sequence[str], line: Line, how: Detokenise, kept: Sequence[bool] = (), ends: bool = False
    ) -> str:
        """The rewritten pieces (prepared strings) of one line as one text, in the form the line came in.

        kept: which of them stay as the line has them, to the letter where that is all of a sentence. ends: a piece
        without a mark at its end gets none.
        """
        # the model ends every piece like a sentence; inside one it must not
        texts = [self.restored(text, piece) for text, piece in zip(outputs, line.pieces, strict=True)]
        texts = [t if p.ends else t.removesuffix(" .") for t, p in zip(texts, line.pieces, strict=True)]
        if ends:
            texts = [same_end(t, p) for t, p in zip(texts, line.pieces, strict=True)]
        raw = not line.prepared if how == "auto" else how
        if raw and any(kept):
            return one_line(line.text) if all(kept) else self.partly(texts, line, how, kept)
        return self.form(" ".join(t for t in texts if t), line, how)

    def form(self, text: str, line: Line, how: Detokenise) -> str:
        """A prepared string in the form of a line."""
        wanted = self.text.tokenise and not line.prepared if how == "auto" else how
        if not wanted:
            return text
        return detokenise(recased(text, line.forms), truecase=line.truecase, pronoun="i" not in line.forms)

    def partly(self, texts: Sequence[str], line: Line, how: Detokenise, kept: Sequence[bool]) -> str:
        """A line of which some sentences stay as they are: those as they stand in it, the runs between in its form."""
        found: list[str] = []
        run: list[str] = []
        begin = 0
        for sentence, end in zip(line.sentences, [i for i, p in enumerate(line.pieces, 1) if p.ends], strict=True):
            if all(kept[begin:end]):
                found += [self.form(" ".join(run), line, how)] * bool(run) + [sentence]
                run = []
            else:
                run += [t for t in texts[begin:end] if t]
            begin = end
        return " ".join([*found, *[self.form(" ".join(run), line, how)] * bool(run)])

    def restored(self, text: str, piece: Piece) -> str:
        """A rewriting with the words in the place of `<unk>` and `_num_` where it keeps as many as its piece has."""
        marks = (str(self.tokenizer.unk_token), piece.unknown), (self.number or "", piece.numbers)
        for mark, hidden in marks:
            words = text.split(" ") if hidden else []
            if hidden and words.count(mark) == len(hidden):
                left = iter(hidden)
                text = " ".join(next(left) if word == mark else word for word in words)
        return text

    def decode(self, outputs: Sequence[Sequence[int]]) -> list[str]:
        """Prepared strings of token ids, each one line whatever bytes a subword model wrote."""
        texts = self.tokenizer.backend_tokenizer.decode_batch([list(ids) for ids in outputs], skip_special_tokens=True)
        if self.loses_spaces:
            return [prepare(self.tokenizer.clean_up_tokenization(text), self.text) for text in texts]
        return [normalise(text) for text in texts]


def pad(pieces: Sequence[Sequence[int]], ids: SpecialIds = SPECIAL) -> Tensor:
    """Ids (B, L), each piece followed by `</s>`."""
    longest = max(map(len, pieces)) + 1
    return torch.tensor([[*p, ids.eos, *[ids.pad] * (longest - len(p) - 1)] for p in pieces])


def same_end(text: str, piece: Piece) -> str:
    """A prepared rewriting without the mark at its end where its piece has none."""
    if piece.words and any(c.isalnum() for c in piece.words[-1]) and text.endswith((" .", " !")):
        return text[:-2]
    return text


def is_bare_number(word: str) -> bool:
    """Whether a word is digits and what may stand between them."""
    return word[:1].isdigit() and word[-1:].isdigit() and not word.strip("0123456789.,")


def join_trailing(sentences: list[str]) -> list[str]:
    """Join to its neighbour what is no sentence: a run of punctuation, and what follows an ellipsis."""
    return [" ".join(sentences[begin:end]) for begin, end in joined_groups(sentences)]


def joined_groups(sentences: Sequence[str]) -> list[tuple[int, int]]:
    """Runs of sentences that are one, see `join_trailing`: begin and end of each."""
    groups: list[tuple[int, int]] = []
    for at, sentence in enumerate(sentences):
        if groups and (sentences[at - 1].endswith("...") or not any(c.isalnum() for c in sentence)):
            groups[-1] = (groups[-1][0], at + 1)
        else:
            groups.append((at, at + 1))
    return groups


def clause_end(units: Sequence[tuple[str, list[int]]], begin: int, limit: int) -> int:
    """Where a run of words from `begin` of at most `limit` ids ends.

    At the last clause boundary in its second half; without one the run is full; what fits whole is not cut.
    units: words with their ids.
    """
    total, end, clause = 0, begin, 0
    while end < len(units) and total + len(units[end][1]) <= limit:
        total += len(units[end][1])
        end += 1
        after = units[end][0] if end < len(units) else ""
        if 2 * total >= limit and (units[end - 1][0] in CLAUSE_ENDS or after in CLAUSE_STARTS):
            clause = end
    return end if end == len(units) else clause or end
