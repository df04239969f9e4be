"""From a user's document to what the generator reads at once, and from the summaries of its sentences to one text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from textvae.data.unpaired.slots import SlotSentence, SlotVocabulary
from textvae.inference.compressions import Sentence
from textvae.inference.cutting import cut
from textvae.inference.grammar import PHRASE_OPENERS, is_masked
from textvae.inference.length_control import count_words
from textvae.inference.pieces import Detokenise, join_trailing
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
    split_sentences,
)
from textvae.tokenization.config import SPECIAL, UNK

MASKS = ("##", "#")
"""What stands for numbers in data whose digits somebody has masked."""

FAMILIAR = 0.5
"""Share of known words below which a text is in no language of the model."""


@dataclass(frozen=True)
class Piece:
    """What the model reads at once: token ids without `</s>`, the words of its slots, and its number of words.

    sentence: its words as people wrote them. unknown: whether `<unk>` stands in it, as in data whose rare words
    somebody has replaced.
    """

    ids: tuple[int, ...]
    slots: tuple[str, ...]
    words: int
    unknown: bool
    sentence: Sentence


@dataclass(frozen=True)
class Document:
    """One document of a user. What the model reads at once is one piece, else every sentence is.

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
    it is spaced out first, and the summary is closed up again. Numbers are read as the model's data has them, masked.
    """

    def __init__(self, vocabulary: SlotVocabulary, text: TextConfig, max_tokens: int):
        self.vocabulary, self.text = vocabulary, text
        # a piece of a subword tokenizer's word begins with a mark of its own when it is cut off
        self.max_tokens = max(1, max_tokens - 1) if vocabulary.subword else max_tokens
        self.limit = max_tokens
        self.by_character = not vocabulary.subword and writes_characters(vocabulary.tokens)

    @cached_property
    def english(self) -> bool:
        """Whether the model's words are English, so that the rules for complete sentences hold."""
        tokens = set(self.vocabulary.tokens)
        return not self.vocabulary.subword and len(PHRASE_OPENERS & tokens) > 0.8 * len(PHRASE_OPENERS)

    @cached_property
    def _mask(self) -> str | None:
        return next((mask for mask in MASKS if mask in self.vocabulary.tokens), None)

    def read(self, lines: Sequence[str]) -> list[Document]:
        """All documents are tokenised together. A line without words has no pieces."""
        cased = [self.prepare(line, cased=not self.vocabulary.subword) for line in lines]
        return [
            Document(
                text=line,
                pieces=pieces,
                words=self.count(text),
                prepared=self.lower(text) == line.strip(),
                truecase=self.text.lowercase and line != line.lower(),
                spaced=is_spaced(line),
            )
            for line, text, pieces in zip(lines, cased, self.pieces(cased), strict=True)
        ]

    def prepare(self, line: str, cased: bool = False) -> str:
        """As in training: normalised, tokenised, lower-cased unless `cased`."""
        text = prepare(line, replace(self.text, lowercase=self.text.lowercase and not cased))
        return spaced(text) if self.by_character else text

    def lower(self, text: str) -> str:
        """A tokenised text as the model reads it, but for masks; every word stays one."""
        return " ".join(word.lower() for word in text.split(" ")) if self.text.lowercase else text

    def count(self, text: str) -> int:
        """Words of a prepared string."""
        return count_words(text, self.vocabulary.subword)

    def pieces(self, texts: Sequence[str]) -> Iterator[tuple[Piece, ...]]:
        """What the model reads of each tokenised string."""
        cuts = self.cut(texts)
        read = [self.masked(piece) for pieces in cuts for piece in pieces]
        sentences = iter(zip(read, self.vocabulary.encode(read), strict=True))
        for pieces in cuts:
            found = [self.piece(piece, *next(sentences)) for piece in pieces]
            yield tuple(piece for piece in found if piece.ids)

    def masked(self, text: str) -> str:
        """A tokenised text as the model reads it: numbers that it has never seen become its mask."""
        text = self.lower(text)
        if self._mask is None:
            return text
        return " ".join(self._mask if is_masked(word) else word for word in text.split(" "))

    def piece(self, text: str, read: str, encoded: SlotSentence) -> Piece:
        """A tokenised string with its ids."""
        sentence = Sentence(tuple(text.split()), read=tuple(read.split()))
        return Piece(tuple(encoded.ids), encoded.words, max(1, self.count(text)), UNK in read.split(), sentence)

    def cut(self, texts: Sequence[str]) -> list[list[str]]:
        """Tokenised strings in pieces the model can read: whole, else sentence by sentence."""
        if not texts:
            return []
        whole = self.fitting(texts)
        parts = [
            [text] if fits else join_trailing([s for s in split_sentences(text) if s])
            for text, fits in zip(texts, whole, strict=True)
        ]
        flat = [part for sentences in parts for part in sentences]
        done = iter(cut(text, offsets, self.max_tokens) for text, offsets in zip(flat, self.offsets(flat), strict=True))
        return [[piece for _ in sentences for piece in next(done)] for sentences in parts]

    def fitting(self, texts: Sequence[str]) -> list[bool]:
        """Whether each text is read at once."""
        return [len(offsets) <= self.limit for offsets in self.offsets(texts)]

    def offsets(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """First and last character of each token."""
        if not self.vocabulary.subword:
            return [word_offsets(text) for text in texts]
        encoded = self.vocabulary.tokenizer(
            list(texts), add_special_tokens=False, return_attention_mask=False, return_offsets_mapping=True
        )
        found: list[list[tuple[int, int]]] = encoded["offset_mapping"]
        return found

    def familiar(self, document: Document) -> bool:
        """Whether enough of the document's words, numbers and marks apart, are words that the model knows."""
        known = words = 0
        for piece in document.pieces:
            for token, word in zip(piece.ids, piece.sentence.words, strict=False):
                if any(c.isalpha() for c in word) and not is_masked(word):
                    words += 1
                    known += token < self.vocabulary.words and token != SPECIAL.unk or word == UNK
        return words > 0 and known >= FAMILIAR * words

    def write(self, outputs: Sequence[str], document: Document, how: Detokenise, cased: bool = False) -> str:
        """Summaries of the pieces (tokenised strings) as one text, in the form the document came in.

        cased: the words are in the form that they have in the document.
        """
        text = joined([self.lower(output) for output in outputs] if cased and how is False else outputs)
        if how is False:
            return text
        if how is True or self.text.tokenise and not document.prepared:
            if cased:
                text = detokenise(" ".join(map(opened, outputs)) if document.truecase else text, truecase=False)
            else:
                forms = cased_forms(document.text, self.text) if document.truecase else {}
                text = detokenise(recased(text, forms), truecase=document.truecase, pronoun="i" not in forms)
        return text if how == "auto" and document.spaced else close_up(text)


def opened(text: str) -> str:
    """A sentence with a capital where it begins, unless its first word has one inside: iPhone."""
    for i, char in enumerate(text):
        if char.isalnum():
            word = text[i:].split(" ", 1)[0]
            return text if any(c.isupper() for c in word[1:]) else text[:i] + char.upper() + text[i + 1 :]
    return text


def word_offsets(text: str) -> list[tuple[int, int]]:
    """First and last character of each word of a tokenised string."""
    found, begin = [], 0
    for word in text.split(" "):
        if word:
            found.append((begin, begin + len(word)))
        begin += len(word) + 1
    return found


def joined(outputs: Sequence[str]) -> str:
    """Texts in one line, whatever bytes a subword model wrote."""
    return normalise(" ".join(outputs))


def writes_characters(tokens: Sequence[str]) -> bool:
    """Whether the words of a vocabulary that belong to scripts without spaces are all single characters."""
    found = [token for token in tokens if is_spaceless(token)]
    return bool(found) and all(spaced(token) == token for token in found)
