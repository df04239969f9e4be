"""Summaries of people's own documents: raw text in, raw text out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, overload

import torch
from transformers import PreTrainedTokenizerFast

from textvae.data.unpaired.slots import SlotVocabulary
from textvae.errors import UserError
from textvae.inference.decoding import likeliest
from textvae.inference.documents import Document, DocumentReader, Piece, joined
from textvae.inference.length_control import LengthControl, Limits, WordTable
from textvae.inference.lengths import Length, condensed, crowded, divided
from textvae.inference.loading import Precision, autocast, find_device, load
from textvae.inference.phrases import kept_phrases, place_of_words
from textvae.inference.pieces import pad
from textvae.inference.reconstruction import reconstruction
from textvae.inference.search import Constraints, beam_search, roll_out
from textvae.inference.streaming import WINDOW_LINES, windows
from textvae.inference.style_transfer import Written, batches, combine
from textvae.inference.summary_options import LENGTHS, SummaryOptions
from textvae.models.seq2seq2seq import Seq2Seq2Seq
from textvae.modules.seq2seq import ANY_LENGTH, Seq2SeqState
from textvae.text import TextConfig
from textvae.tokenization.config import SPECIAL, SPECIAL_TOKENS


@dataclass(frozen=True)
class Candidate:
    """One summary of a document.

    words: as the limits count them, punctuation included. log_prob: nats, given the document and the length asked
    for, summed over its pieces. log_prob_per_token: the same over the number of tokens, each piece's end included.
    """

    text: str
    words: int
    log_prob: float
    log_prob_per_token: float


class Task(NamedTuple):
    """A piece to summarise: ids, slots with a word, fewest and most words, most tokens, the countdown's start.

    unknown: whether `<unk>` may be written.

    Equal tasks have equal summaries, but for the words that the slots stand for.
    """

    ids: tuple[int, ...]
    slots: int
    least: int
    most: int
    tokens: int
    countdown: int
    unknown: bool


class Summary(NamedTuple):
    """What was written for a task: token ids without `</s>`, log-probability, tokens with `</s>`.

    reconstruction: log p of the document given it, nats per token of the document; phrases: the share of neighbouring
    words that are neighbours in the document; place: of its words in the document, 0 to 1. 0 where nobody asks.
    """

    ids: list[int]
    score: float
    length: int
    reconstruction: float = 0.0
    phrases: float = 0.0
    place: float = 0.0

    def rank(self, options: SummaryOptions) -> float:
        """What orders candidates."""
        likely = self.score / max(self.length, 1) ** options.length_penalty
        told = options.reconstruction * self.reconstruction
        return likely + told + options.phrases * self.phrases - options.lead * self.place


class Summarizer:
    """Shorten documents to a number of words.

    >>> summarizer = Summarizer.from_pretrained("runs/news")
    >>> summarizer("The company said on Friday that it will cut 300 jobs at its plant in Ohio.", words=8)
    'Company to cut 300 jobs in Ohio.'

    A document longer than the model reads at once is cut at its sentences; each piece is summarised with its share of
    the words, and the summaries are joined. Where so many pieces share so few words that none could say anything, the
    pieces are condensed first and their summaries are read again, so that every part is read and the limit holds. An
    empty line stays empty. Words that the model does not know can be copied from the document. `<unk>` is
    written only where the document itself has it, or `allow_unk` is set.
    """

    def __init__(
        self,
        model: Seq2Seq2Seq,
        tokenizer: PreTrainedTokenizerFast,
        text: TextConfig | None = None,
        precision: Precision = "auto",
    ):
        self.model, self.precision = model.eval(), precision
        self.vocabulary = SlotVocabulary(tokenizer, model.config.slots)
        self.reader = DocumentReader(self.vocabulary, text or TextConfig(), model.config.max_source)
        self.table = WordTable.of(self.vocabulary)

    @classmethod
    def from_pretrained(
        cls, run: str | Path, device: str | torch.device | None = None, precision: Precision = "auto"
    ) -> Summarizer:
        """Load a run directory (its best model) or a model folder inside one; a GPU is used if there is one.

        Only safetensors, JSON and YAML are read; nothing in the folder is executed.
        """
        loaded = load(run, find_device(device), Seq2Seq2Seq)
        return cls(loaded.model, loaded.tokenizer, loaded.text, precision)

    def options(self, **given: Any) -> SummaryOptions:
        """Options as given, None for not given; the others as stored with the model, or the defaults.

        Who asks for a length gets it: nothing that is stored about lengths is used then.
        """
        given = {name: value for name, value in given.items() if value is not None}
        stored = dict(self.model.config.decoding or {})
        if given.keys() & {"words", "ratio"}:
            stored = {name: value for name, value in stored.items() if name not in LENGTHS}
        if given.keys() & {"choose_length", "free_length"}:
            stored = {name: value for name, value in stored.items() if name not in ("choose_length", "free_length")}
        options = SummaryOptions(**{**stored, **given})
        if options.free_length and not self.model.generator.config.length_dropout:
            raise UserError("this model was always told a length (generator.length_dropout 0): leave out free_length")
        return options

    # ------------------------------------------------------------------ what people call
    @overload
    def __call__(self, texts: str, **options: Any) -> str: ...
    @overload
    def __call__(self, texts: Iterable[str], **options: Any) -> list[str]: ...
    def __call__(self, texts: str | Iterable[str], **options: Any) -> str | list[str]:
        """The best summary of a document, or of each of several. Options: the fields of `SummaryOptions`."""
        if isinstance(texts, str):
            return next(self.stream([texts], **options))
        return list(self.stream(texts, **options))

    @overload
    def candidates(self, texts: str, **options: Any) -> list[Candidate]: ...
    @overload
    def candidates(self, texts: Iterable[str], **options: Any) -> list[list[Candidate]]: ...
    def candidates(self, texts: str | Iterable[str], **options: Any) -> list[Candidate] | list[list[Candidate]]:
        """Up to `num_candidates` summaries of each document, best first, with scores."""
        settings = self.options(**options)
        lines = [texts] if isinstance(texts, str) else texts
        found = [candidates for window in windows(lines) for candidates in self.summarise(window, settings)]
        return found[0] if isinstance(texts, str) else found

    def stream(self, lines: Iterable[str], window: int = WINDOW_LINES, **options: Any) -> Iterator[str]:
        """Summaries in order, of any number of documents in bounded memory: at most `window` are read ahead."""
        settings = self.options(**options)
        for block in windows(lines, window):
            yield from (candidates[0].text for candidates in self.summarise(block, settings))

    # ------------------------------------------------------------------ how it is done
    @torch.inference_mode()
    def summarise(self, lines: Sequence[str], options: SummaryOptions) -> list[list[Candidate]]:
        """Candidates of each line. All pieces of all lines are sorted by length and decoded in batches."""
        documents = self.reader.read(lines)
        wanted = [options.length().of(document.words) for document in documents]
        documents = self.condense(documents, wanted, options)
        shares = [
            divided(length.within(document.words), [piece.words for piece in document.pieces])
            for document, length in zip(documents, wanted, strict=True)
        ]
        written = self.write(documents, shares, options)
        return [self.assemble(document, pieces, options) for document, pieces in zip(documents, written, strict=True)]

    def condense(
        self, documents: Sequence[Document], wanted: Sequence[Length], options: SummaryOptions
    ) -> list[Document]:
        """Documents whose pieces could say nothing in their share of the words are shortened until they can."""
        done = list(documents)
        while places := [
            i for i, d in enumerate(done) if crowded(wanted[i].within(d.words), [piece.words for piece in d.pieces])
        ]:
            long = [done[i] for i in places]
            written = self.write(long, [self.condensed_lengths(document) for document in long], options)
            for i, document, pieces in zip(places, long, written, strict=True):
                done[i] = self.reader.condensed(document, [best[0].text for best in pieces])
        return done

    def condensed_lengths(self, document: Document) -> list[Length]:
        """Lengths of the pieces' summaries that together are about what the model reads at once."""
        words, tokens = [piece.words for piece in document.pieces], sum(len(piece.ids) for piece in document.pieces)
        return condensed(words, room=self.reader.max_tokens * sum(words) // tokens)

    def write(
        self, documents: Sequence[Document], lengths: Sequence[Sequence[Length]], options: SummaryOptions
    ) -> list[list[list[Written]]]:
        """Candidates of every piece of every document; equal tasks are decoded once."""
        tasks: dict[Task, int] = {}
        wanted = [
            [
                (piece, [tasks.setdefault(task, len(tasks)) for task in self.tasks(piece, length, options)])
                for piece, length in zip(*both, strict=True)
            ]
            for both in zip((d.pieces for d in documents), lengths, strict=True)
        ]
        found = self.decode(list(tasks), options)
        if options.reconstruction:
            found = self.reconstructed(list(tasks), found, options)
        if options.phrases or options.lead:
            found = [[beside(task.ids, s) for s in each] for task, each in zip(tasks, found, strict=True)]
        return [
            [
                [
                    Written(self.vocabulary.decode(s.ids, piece.slots), s.score, s.length, None, s.rank(options))
                    for s in ranked([found[place] for place in places], options)
                ]
                for piece, places in row
            ]
            for row in wanted
        ]

    def tasks(self, piece: Piece, length: Length, options: SummaryOptions) -> list[Task]:
        """One, or one for each number of words."""
        numbers = range(length.least, length.most + 1) if options.choose_length else [length.most]
        return [self.task(piece, Length(length.least, most), options) for most in numbers]

    def task(self, piece: Piece, length: Length, options: SummaryOptions) -> Task:
        """Limits for a piece. Where words have several tokens, the countdown expects as many as the piece's have."""
        tokens = countdown = length.most
        if self.vocabulary.subword:
            countdown = math.ceil(length.most * len(piece.ids) / piece.words)
            tokens = 2 * countdown + len(SPECIAL_TOKENS)
        # every word might be used up where none may occur twice
        least = min(length.least, self.vocabulary.words - len(SPECIAL_TOKENS))
        unknown = piece.unknown or options.allow_unk
        countdown = ANY_LENGTH if options.free_length else countdown
        return Task(piece.ids, len(piece.slots), least, length.most, tokens, countdown, unknown)

    def decode(self, tasks: list[Task], options: SummaryOptions) -> list[list[Summary]]:
        """Candidates of each task. What several tasks read, as with lengths to choose from, is read once."""
        found: list[list[Summary]] = [[] for _ in tasks]
        readers: dict[tuple[int, ...], list[int]] = {}
        for i, task in enumerate(tasks):
            readers.setdefault(task.ids, []).append(i)
        sources = sorted(readers, key=len)
        size = max(1, options.batch_size // options.decoding(1).beam)
        with autocast(self.model.device, self.precision):
            for batch in batches(range(len(sources)), [len(source) for source in sources], size):
                state = self.read([sources[place] for place in batch])
                pairs = [(row, i) for row, place in enumerate(batch) for i in readers[sources[place]]]
                pairs.sort(key=lambda pair: tasks[pair[1]].tokens)  # rows of one length end together
                for start in range(0, len(pairs), size):
                    rows, chosen = zip(*pairs[start : start + size], strict=True)
                    written = self.step(state, rows, [tasks[i] for i in chosen], options)
                    for i, summaries in zip(chosen, written, strict=True):
                        found[i] = summaries
        return found

    def reconstructed(
        self, tasks: list[Task], found: list[list[Summary]], options: SummaryOptions
    ) -> list[list[Summary]]:
        """The same candidates with how much of its document each tells."""
        pairs = list({(task.ids, tuple(s.ids)): None for task, each in zip(tasks, found, strict=True) for s in each})
        with autocast(self.model.device, self.precision):
            told = dict(zip(pairs, reconstruction(self.model, pairs, options.batch_size), strict=True))
        return [
            [s._replace(reconstruction=told[task.ids, tuple(s.ids)]) for s in each]
            for task, each in zip(tasks, found, strict=True)
        ]

    def read(self, sources: list[tuple[int, ...]]) -> Seq2SeqState:
        """The generator's state before the first word, a row for each source."""
        generator, ids = self.model.generator, pad(sources).to(self.model.device)
        return generator.start(generator.read(ids, ids != SPECIAL.pad))

    def step(
        self, state: Seq2SeqState, rows: Sequence[int], tasks: list[Task], options: SummaryOptions
    ) -> list[list[Summary]]:
        """One batch: search under length control, task i from row `rows[i]` of what was read."""
        device = self.model.device
        numbers = torch.tensor([task[1:] for task in tasks], device=device)
        slots, least, most, tokens, countdown, unknown = numbers.unbind(1)
        config = options.decoding(max(task.tokens for task in tasks))
        control = LengthControl(self.model.generator.step, self.table.to(device), self.vocabulary.words)
        begun = replace(state.select(torch.tensor(rows, device=device)), remaining=countdown)
        limited = control.start(begun, Limits(least, most, tokens, slots, unknown.bool()))
        constraints = Constraints(config, SPECIAL, device)
        parts = limited, len(tasks)
        if config.strategy == "beam":
            found = beam_search(control.step, *parts, config, constraints, SPECIAL)
        else:
            tokens, scores, sizes = roll_out(control.step, *parts, likeliest, config, constraints, SPECIAL)
            found = tokens[:, None], scores[:, None], sizes[:, None]
        columns = zip(*(x.tolist() for x in found), strict=True)
        return [[Summary(t[: n - 1], score, n) for t, score, n in zip(*row, strict=True) if n] for row in columns]

    def assemble(self, document: Document, pieces: list[list[Written]], options: SummaryOptions) -> list[Candidate]:
        """Candidates of a document from those of its pieces."""
        if not pieces:
            return [Candidate("", 0, 0.0, 0.0)]
        found = []
        for chosen in combine(pieces, options.num_candidates, options.length_penalty):
            outputs = [w.text for w in chosen]
            total, tokens = sum(w.score for w in chosen), sum(w.length for w in chosen)
            text = self.reader.write(outputs, document, options.detokenise)
            found.append(Candidate(text, self.reader.count(joined(outputs)), total, total / tokens))
        return found


def beside(document: Sequence[int], summary: Summary) -> Summary:
    """A summary with what it takes of its document, as ids; a word that only the document has is a slot in both."""
    phrases, place = kept_phrases(document, summary.ids), place_of_words(document, summary.ids)
    return summary._replace(phrases=phrases, place=place)


def ranked(found: Sequence[Sequence[Summary]], options: SummaryOptions) -> list[Summary]:
    """The best of several searches, each text once."""
    texts = {tuple(summary.ids): summary for summaries in found for summary in summaries}
    by_rank = sorted(texts.values(), key=lambda summary: summary.rank(options), reverse=True)
    return by_rank[: options.num_candidates]
