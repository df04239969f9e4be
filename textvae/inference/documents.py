"""From a user's document to what the generator reads at once, and from the summaries of its pieces to one text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from textvae.data.unpaired.slots import SlotSentence, SlotVocabulary
from textvae.inference.cutting import cut
from textvae.inference.length_control import count_words
from textvae.inference.pieces import Detokenise
from textvae.text import (
    TextConfig,
    cased_forms,
    close_up,
    detokenise,
    is_spaced,
    is_spaceless,
    normalise,
    prepare,
    recased,
    spaced,
)
from textvae.tokenization.config import UNK


@dataclass(frozen=True)
class Piece:
    """What the model reads at once: token ids without `</s>`, the words of its slots, and its number of words.

    unknown: whether `<unk>` stands in it, as in data whose rare words somebody has replaced.
    """

    ids: tuple[int, ...]
    slots: tuple[str, ...]
    words: int
    unknown: bool


@dataclass(frozen=True)
class Document:
    """One document of a user.

    words: as the limits count them. prepared: it came in the form the model reads. truecase: it has capital letters
    that the model does not see. spaced: characters of a script without spaces stood apart.
    """

    text: str
    pieces: tuple[Piece, ...]
    words: int
    prepared: bool
    truecase: bool
    spaced: bool


class DocumentReader:
    """Documents to pieces of at most `max_tokens` tokens, and back.

    A word tokenizer whose Chinese or Japanese words are all single characters reads such text character by character:
    it is spaced out first, and the summary is closed up again.
    """

    def __init__(self, vocabulary: SlotVocabulary, text: TextConfig, max_tokens: int):
        self.vocabulary, self.text = vocabulary, text
        # a piece of a subword tokenizer's word begins with a mark of its own when it is cut off
        self.max_tokens = max(1, max_tokens - 1) if vocabulary.subword else max_tokens
        self.limit = max_tokens
        self.by_character = not vocabulary.subword and writes_characters(vocabulary.tokens)

    def read(self, lines: Sequence[str]) -> list[Document]:
        """All documents are tokenised together. A line without words has no pieces."""
        prepared = [self.prepare(line) for line in lines]
        return [
            Document(
                text=line,
                pieces=pieces,
                words=self.count(text),
                prepared=text == line.strip(),
                truecase=self.text.lowercase and line != line.lower(),
                spaced=is_spaced(line),
            )
            for line, text, pieces in zip(lines, prepared, self.pieces(prepared), strict=True)
        ]

    def condensed(self, document: Document, outputs: Sequence[str]) -> Document:
        """The same document with summaries of its pieces (prepared strings) in place of its own text.

        Where that is not shorter (a model gone wrong) it becomes one piece: longer than the model has learnt to read,
        but nothing is lost, and it does not go round for ever.
        """
        text = joined(outputs).replace("\ufffd", "")
        (pieces,) = self.pieces([text])
        if sum(len(p.ids) for p in pieces) >= sum(len(p.ids) for p in document.pieces):
            pieces = (self.piece(text, *self.vocabulary.encode([text])),)
        return replace(document, pieces=pieces, words=self.count(text))

    def prepare(self, line: str) -> str:
        """As in training: normalised, tokenised, lower-cased."""
        text = prepare(line, self.text)
        return spaced(text) if self.by_character else text

    def count(self, text: str) -> int:
        """Words of a prepared string."""
        return count_words(text, self.vocabulary.subword)

    def pieces(self, texts: Sequence[str]) -> Iterator[tuple[Piece, ...]]:
        """What the model reads of each prepared string."""
        cuts = self.cut(texts)
        sentences = iter(self.vocabulary.encode([piece for pieces in cuts for piece in pieces]))
        for pieces in cuts:
            read = [self.piece(piece, next(sentences)) for piece in pieces]
            yield tuple(piece for piece in read if piece.ids)

    def piece(self, text: str, sentence: SlotSentence) -> Piece:
        """A prepared string with its ids."""
        return Piece(tuple(sentence.ids), sentence.words, max(1, self.count(text)), UNK in text.split())

    def cut(self, texts: Sequence[str]) -> list[list[str]]:
        """Prepared strings in pieces the model can read."""
        if not texts:
            return []
        encoded = self.vocabulary.tokenizer(
            list(texts), add_special_tokens=False, return_attention_mask=False, return_offsets_mapping=True
        )
        return [
            cut(text, offsets, self.max_tokens) if len(offsets) > self.limit else [text]
            for text, offsets in zip(texts, encoded["offset_mapping"], strict=True)
        ]

    def write(self, outputs: Sequence[str], document: Document, how: Detokenise) -> str:
        """Summaries of the pieces (prepared strings) as one text, in the form the document came in."""
        text = joined(outputs)
        if how is False:
            return text
        if how is True or self.text.tokenise and not document.prepared:
            forms = cased_forms(document.text, self.text) if document.truecase else {}
            text = detokenise(recased(text, forms), truecase=document.truecase, pronoun="i" not in forms)
        return text if how == "auto" and document.spaced else close_up(text)


def joined(outputs: Sequence[str]) -> str:
    """Texts in one line, whatever bytes a subword model wrote."""
    return normalise(" ".join(outputs))


def writes_characters(tokens: Sequence[str]) -> bool:
    """Whether the words of a vocabulary that belong to scripts without spaces are all single characters."""
    found = [token for token in tokens if is_spaceless(token)]
    return bool(found) and all(spaced(token) == token for token in found)
