"""From a line of text to token ids and back: cut into sentences, over-long ones at clauses, and rejoined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from textvae.text import TextConfig, cased_forms, detokenise, normalise, prepare, recased, split_sentences
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

    unknown: the words that it reads as `<unk>`, in order, where every token is a word.
    """

    ids: tuple[int, ...]
    ends: bool = True
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """One line of a user. prepared: it came in the form the model reads. truecase: it has capital letters.

    forms: lower-case words to the forms with capitals that they have in it.
    """

    text: str
    pieces: tuple[Piece, ...]
    prepared: bool
    truecase: bool
    forms: Mapping[str, str] = field(default_factory=dict, compare=False)


class LineReader:
    """Lines of text to `Line`s of at most `max_tokens` tokens a piece, and written pieces back to text."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, text: TextConfig, max_tokens: int, unk: int = 3):
        self.tokenizer, self.text, self.max_tokens, self.unk = tokenizer, text, max_tokens, unk
        self.loses_spaces = loses_spaces(tokenizer)
        self.puts_back = type(tokenizer.backend_tokenizer.model).__name__ == "WordLevel"
        """Whether words that the model does not know can be put back where a rewriting keeps them."""

    def read(self, lines: Sequence[str]) -> list[Line]:
        """All pieces are tokenised in one call. A line without words has no pieces."""
        sentences = [[prepare(s, self.text) for s in split_sentences(normalise(line))] for line in lines]
        sentences = [join_trailing([s for s in parts if s]) for parts in sentences]
        flat = [s for parts in sentences for s in parts]
        ids = iter(self.encode(flat) if flat else [])
        return [
            self.line(line, parts, [next(ids) for _ in parts]) for line, parts in zip(lines, sentences, strict=True)
        ]

    def line(self, text: str, sentences: list[str], ids: list[list[int]]) -> Line:
        """Put one line together; sentences of more than `max_tokens` tokens are cut."""
        pieces: list[Piece] = []
        for sentence, tokens in zip(sentences, ids, strict=True):
            parts = [tokens] if len(tokens) <= self.max_tokens else self.cut(sentence)
            unknown = self.unknown_words(sentence, parts)
            for i, part in enumerate(parts):
                pieces += [Piece(tuple(part), i == len(parts) - 1, unknown[i])] if part else []
        prepared = " ".join(sentences) == text.strip()
        truecase = self.text.lowercase and text != text.lower()
        return Line(text, tuple(pieces), prepared, truecase, cased_forms(text, self.text) if truecase else {})

    def unknown_words(self, sentence: str, parts: list[list[int]]) -> list[tuple[str, ...]]:
        """Of each part of a sentence, a list of token ids, the words that the model does not know."""
        words = sentence.split(" ")
        if not self.puts_back or len(words) != sum(map(len, parts)):
            return [()] * len(parts)
        left = iter(words)
        return [tuple(word for token, word in zip(part, left, strict=False) if token == self.unk) for part in parts]

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

    def write(self, outputs: Sequence[str], line: Line, how: Detokenise) -> str:
        """The rewritten pieces (prepared strings) of one line as one text, in the form the line came in."""
        # the model ends every piece like a sentence; inside one it must not
        texts = [self.restored(text, piece) for text, piece in zip(outputs, line.pieces, strict=True)]
        texts = [t if p.ends else t.removesuffix(" .") for t, p in zip(texts, line.pieces, strict=True)]
        text = " ".join(t for t in texts if t)
        wanted = self.text.tokenise and not line.prepared if how == "auto" else how
        return detokenise(recased(text, line.forms), truecase=line.truecase) if wanted else text

    def restored(self, text: str, piece: Piece) -> str:
        """A rewriting with the words in the place of `<unk>` where it keeps as many as its piece has."""
        words, unk = text.split(" "), self.tokenizer.unk_token
        if not piece.unknown or words.count(unk) != len(piece.unknown):
            return text
        unknown = iter(piece.unknown)
        return " ".join(next(unknown) if word == unk else word for word in words)

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


def join_trailing(sentences: list[str]) -> list[str]:
    """Join to its neighbour what is no sentence: a run of punctuation, and what follows an ellipsis."""
    joined: list[str] = []
    for sentence in sentences:
        continues = joined and (joined[-1].endswith("...") or not any(c.isalnum() for c in sentence))
        if continues:
            joined[-1] += f" {sentence}"
        else:
            joined.append(sentence)
    return joined


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
