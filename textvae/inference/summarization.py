"""Summaries of people's own documents: raw text in, raw text out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, overload

import torch
from transformers import PreTrainedTokenizerFast

from textvae.data.unpaired.slots import SlotVocabulary
from textvae.errors import UserError
from textvae.inference.compressions import FORBIDDEN, Sentence
from textvae.inference.decoding import likeliest
from textvae.inference.deletion_search import Lattice, search
from textvae.inference.deletion_search import Path as Deletion
from textvae.inference.documents import Document, DocumentReader, Piece, joined
from textvae.inference.length_control import LengthControl, Limits, WordTable
from textvae.inference.lengths import SENSIBLE, Length
from textvae.inference.loading import Precision, autocast, find_device, load
from textvae.inference.phrases import kept_phrases, place_of_words
from textvae.inference.pieces import pad
from textvae.inference.reconstruction import reconstruction
from textvae.inference.salience import content, ordered, repeats
from textvae.inference.search import Constraints, beam_search, roll_out
from textvae.inference.streaming import WINDOW_LINES, windows
from textvae.inference.style_transfer import Written, batches, combine
from textvae.inference.summary_options import LENGTHS, SummaryOptions
from textvae.models.seq2seq2seq import Seq2Seq2Seq
from textvae.modules.seq2seq import ANY_LENGTH, Seq2SeqState
from textvae.text import TextConfig, count_words
from textvae.tokenization.config import SPECIAL, SPECIAL_TOKENS

SPARE = 3
"""How many more sentences of a document are shortened than are wanted, as some cannot be."""

LONGER = 3
"""Halves of the usual number of words that a sentence may have which has no complete form of that length."""

WITHIN = "within the limit"
FOREIGN = "not in the model's language"
WHOLE = "no complete shorter form found"


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
    unchanged: str | None = None
    """Why the document comes back as it is; None where it does not."""


class Choice(NamedTuple):
    """A piece of a document to shorten: its number there, its fewest and most words, whether it is all of it."""

    number: int
    piece: Piece
    length: Length
    alone: bool


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

    Of a document longer than the model reads at once, the sentences that matter are chosen and each is shortened.
    Limits are never exceeded, but for a document that comes back whole because no complete shorter form of it was
    found. An empty line stays empty. Words that the model does not know can be copied from the document. `<unk>` is
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
        if given.keys() & {"words", "ratio", "chars"}:
            stored = {name: value for name, value in stored.items() if name not in LENGTHS}
        if "beam" not in given and "beam" in stored:
            stored["beam"] = max(stored["beam"], given.get("num_candidates", 1))
        if given.keys() & {"choose_length", "free_length"}:
            stored = {name: value for name, value in stored.items() if name not in ("choose_length", "free_length")}
        limited = bool(given.keys() & {"words", "ratio", "chars"})
        options = SummaryOptions(**{"limited": limited, **stored, **given})
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
        reasons = [self.whole(document, options) for document in documents]
        chosen = [
            [] if reason else self.choose(document, options)
            for document, reason in zip(documents, reasons, strict=True)
        ]
        written = self.write(chosen, options)
        return [
            [self.unchanged(document, reason)] if reason else self.assemble(document, choices, pieces, options)
            for document, reason, choices, pieces in zip(documents, reasons, chosen, written, strict=True)
        ]

    def whole(self, document: Document, options: SummaryOptions) -> str | None:
        """Why a document is not shortened at all."""
        if not document.pieces or not options.checked:
            return None
        if (
            options.limited
            and document.words <= options.length().of(document.words).most
            and (options.chars is None or len(document.text.strip()) <= options.chars)
        ):
            return WITHIN
        return FOREIGN if self.reader.english and not self.reader.familiar(document) else None

    def unchanged(self, document: Document, reason: str | None) -> Candidate:
        """The document itself."""
        return Candidate(document.text, count_words(document.text), 0.0, 0.0, reason)

    def choose(self, document: Document, options: SummaryOptions) -> list[Choice]:
        """The pieces to shorten, what matters most first, with the words that each may have."""
        limit = self.limit(document, options)
        if len(document.pieces) == 1 or not document.pieces:
            return [Choice(0, piece, limit.within(piece.words), True) for piece in document.pieces]
        usual = min(limit.most, self.model.config.max_target)
        wanted = options.sentences or (math.ceil(limit.most / (0.6 * usual)) if options.limited else 1)
        if options.sentences:
            usual = min(usual, max(SENSIBLE, limit.most // options.sentences))
        order = ordered([content(piece.sentence.lower) for piece in document.pieces], wanted + SPARE)
        length = Length(min(limit.least, (usual + 1) // 2), usual)
        return [Choice(i, document.pieces[i], length.within(document.pieces[i].words), False) for i in order]

    def limit(self, document: Document, options: SummaryOptions) -> Length:
        """Fewest and most words of a summary. Characters are words of the document's own length, and some to spare."""
        if options.chars is None:
            length = options.length().of(document.words)
            several = 1 if options.limited or len(document.pieces) == 1 else options.sentences or 1
            return Length(length.least, several * length.most)
        most = math.ceil(1.2 * options.chars * document.words / max(len(document.text), 1)) + 1
        length = Length((most + 1) // 2, most) if options.words is None else options.length().of(document.words)
        return Length(min(length.least, most), min(length.most, most)).within(document.words)

    def write(self, chosen: Sequence[Sequence[Choice]], options: SummaryOptions) -> list[list[list[Written]]]:
        """Candidates of every chosen piece of every document, best first; none for a piece that has no good ones."""
        flat = [choice for choices in chosen for choice in choices]
        if options.checked and self.reader.english:
            found = iter(self.deletions(flat, options))
        else:
            found = iter(self.free(flat, options))
        return [[next(found) for _ in choices] for choices in chosen]

    # ------------------------------------------------------------------ shorter forms of a sentence
    def deletions(self, choices: Sequence[Choice], options: SummaryOptions) -> list[list[Written]]:
        """Candidates made by leaving out phrases, all complete. Equal sentences are searched once."""
        unique = list({(c.piece.sentence.words, c.length): c for c in choices}.values())
        found: dict[Any, list[Written]] = {}
        size = max(1, options.batch_size // (3 * options.width))
        order = sorted(range(len(unique)), key=lambda i: len(unique[i].piece.ids))
        with autocast(self.model.device, self.precision):
            for batch in batches(order, [len(c.piece.ids) for c in (unique[i] for i in order)], size):
                part = [unique[i] for i in batch]
                for choice, candidates in zip(part, self.searched(part, options), strict=True):
                    found[choice.piece.sentence.words, choice.length] = candidates
            if not options.limited:  # nobody has set a limit: rather a longer text than none
                for choice in [c for c in unique if not found[c.piece.sentence.words, c.length]]:
                    key, longer = (choice.piece.sentence.words, choice.length), LONGER * choice.length.most // 2
                    length = Length(choice.length.least, longer).within(choice.piece.words)
                    (found[key],) = self.searched([choice._replace(length=length)], options)
        return [found[c.piece.sentence.words, c.length] for c in choices]

    def searched(self, choices: Sequence[Choice], options: SummaryOptions) -> Iterator[list[Written]]:
        """One batch of `deletions`: every sentence is read once, and searched under several told lengths."""
        sentences = [replace(c.piece.sentence, headline=options.headline) for c in choices]
        to = self.vocabulary.encode(["to"])[0].ids[0] if options.headline else None
        lattices = [Lattice.of(s, c.piece.ids, to) for s, c in zip(sentences, choices, strict=True)]
        told = [(row, words) for row, c in enumerate(choices) for words in told_lengths(c.length)]
        state = self.read([c.piece.ids for c in choices])
        rows, lengths = (torch.tensor(x, device=self.model.device) for x in zip(*told, strict=True))
        begun = replace(state.select(rows), remaining=lengths)
        limits = [choices[row].length.most for row, _ in told]
        paths = search(self.model.generator.step, begun, [lattices[row] for row, _ in told], limits, options.width)
        found: list[dict[tuple[int, ...], Deletion]] = [{} for _ in choices]
        for (row, _), several in zip(told, paths, strict=True):
            for path in several:
                known = found[row].get(path.nodes)
                if known is None or known.score < path.score:
                    found[row][path.nodes] = path
        for choice, sentence, lattice, each in zip(choices, sentences, lattices, found, strict=True):
            yield self.acceptable(choice, sentence, lattice, list(each.values()), options)

    def acceptable(
        self, choice: Choice, sentence: Sentence, lattice: Lattice, paths: list[Deletion], options: SummaryOptions
    ) -> list[Written]:
        """Paths as texts without a fault, best first; then, where more are asked for, any that say nothing false."""
        places = {path.nodes: [int(lattice.places[node]) for node in path.nodes] for path in paths}
        own = len(sentence.words)

        def rank(path: Deletion) -> tuple[bool, float]:
            at = places[path.nodes]
            likely = path.score / (len(at) + 1) ** options.length_penalty
            kept = options.phrases * kept_phrases(range(own), at) - options.lead * sum(at) / (len(at) * own)
            return len(at) >= choice.length.least, likely + kept

        def faults(path: Deletion) -> set[str]:
            words = [
                sentence.lower[at] if node < own else "to"
                for node, at in zip(path.nodes, places[path.nodes], strict=True)
            ]
            where = [at if node < own else None for node, at in zip(path.nodes, places[path.nodes], strict=True)]
            return set(sentence.faults(words, where))

        def text(path: Deletion) -> str:
            words = [
                sentence.words[at] if node < own else "to"
                for node, at in zip(path.nodes, places[path.nodes], strict=True)
            ]
            return " ".join(words)

        if not sentence.has_verb:
            return []
        best = sorted((path for path in paths if len(path.nodes) < own or not choice.alone), key=rank, reverse=True)
        wanted = options.num_candidates + SPARE
        good = list(islice((path for path in best if not faults(path)), wanted))
        if good and len(good) < options.num_candidates:
            others = (path for path in best if path not in good and not faults(path) & FORBIDDEN)
            good += islice(others, wanted - len(good))
        return [Written(text(p), p.score, len(p.nodes) + 1, None, rank(p)[1]) for p in good]

    # ------------------------------------------------------------------ any words of the model
    def free(self, choices: Sequence[Choice], options: SummaryOptions) -> list[list[Written]]:
        """Candidates of every piece in the model's own words; equal tasks are decoded once."""
        tasks: dict[Task, int] = {}
        wanted = [
            [tasks.setdefault(task, len(tasks)) for task in self.tasks(choice.piece, choice.length, options)]
            for choice in choices
        ]
        found = self.decode(list(tasks), options)
        if options.reconstruction:
            found = self.reconstructed(list(tasks), found, options)
        if options.phrases or options.lead:
            found = [[beside(task.ids, s) for s in each] for task, each in zip(tasks, found, strict=True)]
        return [
            [
                Written(self.vocabulary.decode(s.ids, choice.piece.slots), s.score, s.length, None, s.rank(options))
                for s in ranked([found[place] for place in places], options)
            ]
            for choice, places in zip(choices, wanted, strict=True)
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

    # ------------------------------------------------------------------ one text again
    def assemble(
        self, document: Document, choices: Sequence[Choice], pieces: list[list[Written]], options: SummaryOptions
    ) -> list[Candidate]:
        """Candidates of a document from those of its pieces: what matters most goes in while there is room."""
        if not document.pieces:
            return [Candidate("", 0, 0.0, 0.0)]
        limit = self.limit(document, options)
        limit = limit if options.limited else Length(limit.least, LONGER * limit.most // 2)
        taken: list[tuple[int, list[Written]]] = []
        left, told = limit.most, list[frozenset[str]]()
        most = options.sentences or (len(choices) if options.limited else 1)
        for choice, candidates in zip(choices, pieces, strict=True):
            fitting = [w for w in candidates if self.reader.count(w.text) <= left]
            about = content(choice.piece.sentence.lower)
            if not fitting or len(taken) == most or len(choices) > 1 and repeats(about, told):
                continue
            taken.append((choice.number, fitting))
            told.append(about)
            left -= self.reader.count(fitting[0].text)
        taken.sort(key=lambda pair: pair[0])
        found = [self.candidate(document, list(c), options) for c in self.combined([w for _, w in taken], options)]
        found = [c for c in found if c.words <= limit.most and (options.chars is None or len(c.text) <= options.chars)]
        return found[: options.num_candidates] or self.otherwise(document, limit, options)

    def combined(self, pieces: list[list[Written]], options: SummaryOptions) -> list[list[Written]]:
        """Choices of a candidate per piece, best first."""
        if not pieces:
            return []
        return combine(pieces, options.num_candidates + (SPARE if options.chars else 0), options.length_penalty)

    def candidate(self, document: Document, chosen: list[Written], options: SummaryOptions) -> Candidate:
        """The summaries of the pieces as one."""
        outputs = [w.text for w in chosen]
        total, tokens = sum(w.score for w in chosen), sum(w.length for w in chosen)
        text = self.reader.write(outputs, document, options.detokenise, cased=options.checked and self.reader.english)
        return Candidate(text, self.reader.count(joined(outputs)), total, total / tokens)

    def otherwise(self, document: Document, limit: Length, options: SummaryOptions) -> list[Candidate]:
        """Where no complete summary was found: what it is about, if only a few words are wanted, or itself."""
        if options.limited and limit.most < SENSIBLE:
            phrase = document.pieces[0].sentence.phrase(limit.most)
            text = self.reader.write([" ".join(phrase)], document, options.detokenise, cased=True)
            if phrase and (options.chars is None or len(text) <= options.chars):
                return [Candidate(text, len(phrase), 0.0, 0.0)]
        return [self.unchanged(document, WHOLE)]


def told_lengths(length: Length) -> list[int]:
    """Numbers of words that the model is told: the most, and fewer, as it writes about as many as it is told."""
    return sorted({length.most, max(1, length.most * 3 // 4), max(1, length.most // 2)})


def beside(document: Sequence[int], summary: Summary) -> Summary:
    """A summary with what it takes of its document, as ids; a word that only the document has is a slot in both."""
    phrases, place = kept_phrases(document, summary.ids), place_of_words(document, summary.ids)
    return summary._replace(phrases=phrases, place=place)


def ranked(found: Sequence[Sequence[Summary]], options: SummaryOptions) -> list[Summary]:
    """The best of several searches, each text once."""
    texts = {tuple(summary.ids): summary for summaries in found for summary in summaries}
    by_rank = sorted(texts.values(), key=lambda summary: summary.rank(options), reverse=True)
    return by_rank[: options.num_candidates]
