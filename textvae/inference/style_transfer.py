"""Style transfer of people's own sentences: raw text in, raw text out."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from textvae.errors import UserError
from textvae.inference.acceptance import NAME as JUDGE
from textvae.inference.acceptance import AcceptanceJudge
from textvae.inference.contract import NUMBER, Contract
from textvae.inference.decoding import row_keys
from textvae.inference.guard import Guard, Written
from textvae.inference.loading import Precision, autocast, autocasts, find_device, load
from textvae.inference.options import Target, TransferOptions
from textvae.inference.phrase_table import PhraseTable
from textvae.inference.pieces import Line, LineReader, Piece, pad
from textvae.inference.reranking import PARTS, diverse
from textvae.inference.scorers import COMMAND, FOLDER, Scorers
from textvae.inference.streaming import WINDOW_LINES, windows
from textvae.inference.targets import StyleTarget, of_exemplars, of_labels
from textvae.inference.writing import CandidateWriter
from textvae.models.style_content_vae import StyleContentVAE
from textvae.text import TextConfig
from textvae.tokenization.config import SpecialIds

if TYPE_CHECKING:  # an index is loaded where sentences are retrieved
    from textvae.inference.retrieval import ContentIndex

__all__ = ["Candidate", "StyleTransfer", "TransferOptions", "Written", "batches", "combine"]

JUDGED = 8
"""Candidates of a sentence of which a reader's acceptance is asked."""

NOTHING_PASSES = "no rewriting passes"

CLEAR = 4.0
"""Nats by which a word must lean to a style to say of itself what a negation makes of it."""

POOL = 4
"""Reranked lines are assembled so many times as often as they are returned, so that diverse ones can be chosen."""


@dataclass(frozen=True)
class Candidate:
    """One rewriting of a line.

    log_prob: nats, given the input's content and the target style, summed over the line's sentences.
    log_prob_per_token: the same over the number of tokens, each sentence's end included.
    style_probability: of the labels named, by the model's own style head on the rewriting (mean over sentences).
        The head was trained with the model, so this ranks candidates; it does not judge the system. None where
        exemplars are followed: no label was asked for.
    score, parts: of reranking: what the candidates are ordered by, and what it is the sum of
        (`RerankingWeights` says what each part is). Without reranking None.
    unchanged: why the line came back as it was; None where any of it was rewritten.
    kept: the same of each sentence that was read.
    acceptance: probability that a reader accepts it, the least of its rewritten sentences; what candidates are ordered
        by where a judge is stored with the model. None without one.
    """

    text: str
    log_prob: float
    log_prob_per_token: float
    style_probability: float | None = None
    score: float | None = None
    parts: dict[str, float] | None = None
    unchanged: str | None = None
    kept: tuple[str | None, ...] = ()
    acceptance: float | None = None


class StyleTransfer:
    """Rewrite text in another style.

    >>> transfer = StyleTransfer.from_pretrained("runs/yelp")
    >>> transfer("The food was awful!", target="positive")
    'The food was amazing!'

    With several attributes `target` is {attribute: label}, and those it does not name stay as they are.
    A line of several sentences is cut, transferred and rejoined, an over-long sentence at its clauses. An
    empty line stays empty. Words the model does not know are read as `<unk>`, which is not written unless
    `allow_unk` is set. A rewriting that keeps all of a sentence has the words themselves again (word tokenizers).
    What must not change stays (`contract`): a sentence without a candidate that keeps it comes back as it was.
    """

    def __init__(
        self,
        model: StyleContentVAE,
        tokenizer: PreTrainedTokenizerFast,
        text: TextConfig | None = None,
        precision: Precision = "auto",
        folder: Path | None = None,
    ):
        """folder: the model's own, in which the scorers of reranking are looked for when they are needed."""
        self.model, self.precision, self.folder = model.eval(), precision, folder
        if model.base_names and autocasts(model.device, precision):
            from textvae.models.pretrained import compute_base_in  # a second of imports that other models spare

            compute_base_in(model, torch.bfloat16)
        self.attributes = model.attributes
        self.labels = self.attributes.label_names
        c = model.config
        self.ids = SpecialIds(c.pad_token_id, c.bos_token_id, c.eos_token_id, c.unk_token_id, c.mask_token_id)
        self.reader = LineReader(tokenizer, text or TextConfig(), c.max_length, number=NUMBER)
        self._leanings: dict[tuple[int, ...], dict[str, float]] = {}

    @classmethod
    def from_pretrained(
        cls, run: str | Path, device: str | torch.device | None = None, precision: Precision = "auto"
    ) -> StyleTransfer:
        """Load a run directory (its best model) or a model folder inside one; a GPU is used if there is one.

        Only safetensors, JSON and YAML are read; nothing in the folder is executed.
        """
        loaded = load(run, find_device(device), StyleContentVAE)
        return cls(loaded.model, loaded.tokenizer, loaded.text, precision, loaded.folder)

    @cached_property
    def scorers(self) -> Scorers:
        """What reranks; UserError where the model has none."""
        with torch.inference_mode(False):  # a search by gradient goes through them
            found = Scorers.load(self.beside(), self.model.config.vocab_size, self.attributes)
            return found.to(self.model.device)

    @cached_property
    def judge(self) -> AcceptanceJudge:
        """What says whether readers accept a rewriting; UserError where the model has none."""
        return AcceptanceJudge.load(self.beside())

    @cached_property
    def index(self) -> ContentIndex:
        """The corpus to retrieve from; UserError where the model has none."""
        from textvae.inference.retrieval import ContentIndex

        return ContentIndex.load(self.beside(), self.model.content_latent.size).to(self.model.device)

    @cached_property
    def phrases(self) -> PhraseTable:
        """What can stand between two words; UserError where the model has no such table."""
        return PhraseTable.load(self.beside(), self.model.config.vocab_size, self.model.groups)

    def beside(self) -> Path:
        """The folder of the scorers."""
        if self.folder is None:
            raise UserError(f"a model in memory has no scorers; save it, and make them with {COMMAND}")
        return self.folder / FOLDER

    # ------------------------------------------------------------------ what people call
    @overload
    def __call__(self, texts: str, target: Target | None = None, **options: Any) -> str: ...
    @overload
    def __call__(self, texts: Iterable[str], target: Target | None = None, **options: Any) -> list[str]: ...
    def __call__(self, texts: str | Iterable[str], target: Target | None = None, **options: Any) -> str | list[str]:
        """The best rewriting of a text, or of each of several, in the style of a label (`target`) or of sentences
        (`like`). Options: the fields of `TransferOptions`.
        """
        if isinstance(texts, str):
            return next(self.stream([texts], target, **options))
        return list(self.stream(texts, target, **options))

    @overload
    def candidates(self, texts: str, target: Target | None = None, **options: Any) -> list[Candidate]: ...
    @overload
    def candidates(
        self, texts: Iterable[str], target: Target | None = None, **options: Any
    ) -> list[list[Candidate]]: ...
    def candidates(
        self, texts: str | Iterable[str], target: Target | None = None, **options: Any
    ) -> list[Candidate] | list[list[Candidate]]:
        """Up to `num_candidates` rewritings of each text, best first, with scores."""
        settings = TransferOptions(target, **options)
        found: list[list[Candidate]] = []
        for window in windows([texts] if isinstance(texts, str) else texts):
            found += self.rewrite(window, settings, first=len(found), judge=True)
        return found[0] if isinstance(texts, str) else found

    def stream(
        self, lines: Iterable[str], target: Target | None = None, window: int = WINDOW_LINES, **options: Any
    ) -> Iterator[str]:
        """Rewritings in order, of any number of lines in bounded memory: at most `window` are read ahead."""
        settings, first = TransferOptions(target, **options), 0
        self.writer(settings)  # an unknown label and missing scorers are told before the first line is read
        for block in windows(lines, window):
            yield from (candidates[0].text for candidates in self.rewrite(block, settings, first))
            first += len(block)

    # ------------------------------------------------------------------ how it is done
    def label(self, target: str) -> int:
        """Place of a label in `labels`; UserError where it is none of them."""
        attribute, label = self.attributes.find(target)
        return self.model.groups.offsets[attribute] + label

    def target(self, options: TransferOptions) -> StyleTarget:
        """The style asked for; UserError where none is, or an unknown one."""
        if options.target:
            return of_labels(self.model, self.attributes.choose(options.target))
        pieces = [piece.ids for line in self.reader.read(options.like) for piece in line.pieces]
        if not pieces:
            wanted = "the exemplars have no words" if options.like else "say which style is wanted"
            known = ", ".join(self.labels)
            raise UserError(f"{wanted}: a label (--to LABEL; this model knows {known}) or --like SENTENCE")
        ids = self.pad(pieces).to(self.model.device)
        with torch.inference_mode():
            return of_exemplars(self.model, self.model.style_means_of(ids, ids != self.ids.pad))

    def settled(self, options: TransferOptions) -> TransferOptions:
        """Options with what they leave to the model: whether to rerank."""
        if options.rerank is not None:
            return options
        otherwise = options.sample or options.revise or options.retrieve_only
        return replace(options, rerank=self.model.config.transfer_rerank and not otherwise)

    def writer(self, options: TransferOptions) -> CandidateWriter:
        """What writes under these options, with the scorers and the index that they need."""
        options = self.settled(options)
        scorers = self.scorers if options.rerank or options.revise else None
        index = self.index if options.retrieve or options.retrieve_only else None
        phrases = self.phrases if options.rerank and scorers and scorers.reranking.phrases else None
        target, puts_back = self.target(options), self.reader.puts_back
        return CandidateWriter(self.model, self.ids, options, target, scorers, index, phrases, puts_back)

    def guard(self, writer: CandidateWriter) -> Guard | None:
        """What holds the candidates to their contract; None where the options say that nothing does."""
        options, target = writer.options, writer.target
        if not options.contract:
            return None
        chosen = self.attributes.choose(options.target) if options.target else {}
        label = ", ".join(self.attributes.labels[attribute][label] for attribute, label in chosen.items())
        leaning = self.leaning(target) if writer.scorers is not None and target.named else {}
        allowed = {self.reader.tokenizer.unk_token} if options.allow_unk else frozenset()
        clear = {word: nats for word, nats in leaning.items() if abs(nats) >= CLEAR}
        style = self.style_words | leaning.keys()
        return Guard(self.reader, label or "of the style", options.protect, clear, style, allowed)

    @cached_property
    def style_words(self) -> frozenset[str]:
        """Words that the training data have mostly under one label, and those that lean to one."""
        ids = self.model.style_tokens.nonzero().flatten().tolist()
        return frozenset(self.reader.tokenizer.convert_ids_to_tokens(ids))

    def leaning(self, target: StyleTarget) -> dict[str, float]:
        """Words that speak for or against labels, nats by the style guide; those of a vocabulary of words."""
        rows = tuple(self.model.groups.offsets[attribute] + label for attribute, label in target.labels.items())
        if rows not in self._leanings:
            values = self.scorers.leanings[:, list(rows)].sum(1)
            ids = (values.abs() >= CLEAR / 2).nonzero().flatten().tolist() if self.reader.puts_back else []
            words = self.reader.tokenizer.convert_ids_to_tokens(ids)
            self._leanings[rows] = dict(zip(words, values[ids].tolist(), strict=True))
        return self._leanings[rows]

    def least(self, options: TransferOptions, writer: CandidateWriter) -> float | None:
        """The probability of acceptance from which on a candidate stands; None where no judge is asked."""
        known = self.folder is not None and (self.beside() / f"{JUDGE}.json").exists()
        single = writer.target.named and len(self.attributes) == 1
        if not options.contract or (not options.accept and not (known and single)):
            return None
        if not single:
            raise UserError("accept: the judge knows models of one attribute, and a label (--to) as the style wanted")
        return self.judge.threshold if options.accept is None else options.accept

    def of_style(self, pieces: Sequence[Piece], writer: CandidateWriter, guard: Guard) -> dict[Piece, str]:
        """Pieces that have the style wanted, or none, by the style guide; and which of the two."""
        if writer.scorers is None or not pieces:
            return {}
        ids = self.pad([piece.ids for piece in pieces]).to(self.model.device)
        wanted = writer.target.shares.to(ids.device)
        values = (writer.scorers.style(ids, ids != self.ids.pad) * wanted).sum(-1).exp().tolist()
        found = zip(pieces, values, strict=True)
        told = ((piece, guard.disposed(piece, value)) for piece, value in found)
        return {piece: reason for piece, reason in told if reason is not None}

    def accepted(
        self, lines: Sequence[Line], held: list[list[list[Written]]], guard: Guard, label: str, least: float
    ) -> None:
        """Order candidates by how likely readers accept them, and take away those of less than `least`.

        A piece without anything else stays as it was, and so does one that was ranked first as it is.
        """
        places = [
            (line.pieces[i], row, i)
            for line, row in zip(lines, held, strict=True)
            for i in range(len(row))
            if any(w.unchanged is None for w in row[i])
        ]
        pairs = [
            (" ".join(piece.words), self.reader.restored(w.text, piece))
            for piece, row, i in places
            for w in row[i]
            if w.unchanged is None
        ]
        sources, outputs = ([pair[side] for pair in pairs] for side in (0, 1))
        chances = iter(self.judge(sources, outputs, [label] * len(pairs)).tolist())
        for piece, row, i in places:
            stays = 1.0 if row[i][0].unchanged else 0.0  # a sentence that has the style was ranked first
            found = [w._replace(acceptance=stays if w.unchanged else next(chances)) for w in row[i]]
            row[i] = [w for w in found if w.unchanged or w.value(0.0) >= math.log(max(least, 1e-6))]
            row[i] = row[i] or [guard.as_it_was(piece, NOTHING_PASSES)]

    @torch.inference_mode()
    def rewrite(
        self, lines: Sequence[str], options: TransferOptions, first: int = 0, judge: bool = False
    ) -> list[list[Candidate]]:
        """Candidates of each line. All pieces of all lines are sorted by length and decoded in batches.

        first: number of the first line (it seeds samples). judge: style probabilities too.
        Equal pieces are decoded once, unless they are sampled.
        """
        writer, read = self.writer(options), self.reader.read(lines)
        options, guard = writer.options, self.guard(writer)
        rules = [guard.contracts(line) if guard else [] for line in read]
        least = self.least(options, writer)
        every = {piece: None for line in read for piece in line.pieces}
        told = self.of_style(list(every), writer, guard) if guard and least else {}
        places: dict[tuple[object, ...], int] = {}
        wanted: list[list[int | str]] = []
        for number, (line, contracts) in enumerate(zip(read, rules, strict=True), start=first):
            row: list[int | str] = []
            for i, piece in enumerate(line.pieces):
                spared = (guard.spared(piece, contracts[i]) or told.get(piece)) if guard else None
                key = (piece.ids, *((number, i) if options.sample else ()))
                row.append(spared if spared is not None else places.setdefault(key, len(places)))
            wanted.append(row)
        written = self.decode(list(places), writer, judge)
        held = [
            self.held(line, contracts, row, written, max(self.chains(options), 1 if least is None else JUDGED), guard)
            for line, contracts, row in zip(read, rules, wanted, strict=True)
        ]
        if guard and least is not None:
            self.accepted(read, held, guard, self.labels[writer.target.label], least)
        return [self.assemble(line, row, options) for line, row in zip(read, held, strict=True)]

    def held(
        self,
        line: Line,
        contracts: list[Contract],
        row: Sequence[int | str],
        written: list[list[Written]],
        count: int,
        guard: Guard | None,
    ) -> list[list[Written]]:
        """At most `count` candidates of each piece of a line that may stand; row: its place in `written`, or why it
        stays.
        """
        if guard is None:
            return [written[place] for place in row if isinstance(place, int)]
        return [
            [guard.as_it_was(piece, place)]
            if isinstance(place, str)
            else guard.passing(piece, contract, written[place], count)
            for piece, contract, place in zip(line.pieces, contracts, row, strict=True)
        ]

    @staticmethod
    def chains(options: TransferOptions) -> int:
        """Rewritings of a line that are put together, of which the diverse ones are chosen."""
        count = options.num_candidates
        return count * POOL if options.rerank and count > 1 else count

    def decode(self, pieces: list[tuple[Any, ...]], writer: CandidateWriter, judge: bool) -> list[list[Written]]:
        """Candidates of each piece: (ids,), or (ids, line, place in the line) for samples."""
        written: list[list[Written]] = [[] for _ in pieces]
        order = sorted(range(len(pieces)), key=lambda i: len(pieces[i][0]))
        size = max(1, writer.options.batch_size // writer.width)
        with autocast(self.model.device, self.precision):
            for batch in batches(order, [len(p[0]) for p in pieces], size):
                for i, candidates in zip(batch, self.step([pieces[i] for i in batch], writer, judge), strict=True):
                    written[i] = candidates
        return written

    def step(self, pieces: list[tuple[Any, ...]], writer: CandidateWriter, judge: bool) -> list[list[Written]]:
        """One batch of pieces."""
        ids = self.pad([piece[0] for piece in pieces]).to(self.model.device)
        keys = row_keys(0, *torch.tensor([piece[1:] for piece in pieces]).unbind(1)) if len(pieces[0]) > 1 else None
        ranked = writer(ids, keys, scored=judge)
        decoded, target = ranked.found, writer.target
        judged = judge and target.named
        styles = self.style_probability(decoded.tokens, target.labels) if judged else decoded.scores
        flat = zip(*(x.flatten(0, 1).tolist() for x in (decoded.tokens, decoded.lengths)), strict=True)
        texts = self.reader.decode([tokens[: max(length - 1, 0)] for tokens, length in flat])
        ranks = [None] * len(texts) if ranked.ranks is None else ranked.ranks.flatten().tolist()
        parts = [()] * len(texts) if ranked.parts is None else ranked.parts.flatten(0, 1).tolist()
        columns = (x.flatten().tolist() for x in (decoded.scores, decoded.lengths, styles))
        found = [
            Written(text, score, length, style if judged else None, rank, tuple(part))
            for text, score, length, style, rank, part in zip(texts, *columns, ranks, parts, strict=True)
        ]
        count = decoded.scores.shape[1]
        return [[w for w in found[i : i + count] if w.length] for i in range(0, len(found), count)]

    def pad(self, pieces: list[tuple[int, ...]]) -> Tensor:
        """Ids (B, L), each piece followed by `</s>`."""
        return pad(pieces, self.ids)

    def style_probability(self, tokens: Tensor, labels: Mapping[int, int]) -> Tensor:
        """Π p(label | z_s of the written sentence) over attributes, by the style head: tokens (B, C, T) to (B, C)."""
        flat = tokens.flatten(0, 1).clone()
        flat[:, 0] = torch.where(flat[:, 0] == self.ids.pad, self.ids.eos, flat[:, 0])  # no candidate: any sentence
        logits = self.model.style_head(self.model.style_means_of(flat, flat != self.ids.pad))
        found = [logits[attribute].float().softmax(-1)[:, label] for attribute, label in labels.items()]
        return torch.stack(found).prod(0).view(tokens.shape[:2])

    def assemble(self, line: Line, pieces: list[list[Written]], options: TransferOptions) -> list[Candidate]:
        """Candidates of a line from those of its pieces."""
        if not pieces:
            return [Candidate("", 0.0, 0.0)]
        count = options.num_candidates
        chains = combine(pieces, self.chains(options), options.length_penalty)
        found = [self.candidate(line, chosen, options) for chosen in chains]
        if not options.rerank or count == 1:
            return found
        weight = self.scorers.reranking.diversity if options.diversity is None else options.diversity
        values = [sum(w.value(options.length_penalty) for w in chosen) for chosen in chains]
        return diverse([(v, c.text, c) for v, c in zip(values, found, strict=True)], count, weight)

    def candidate(self, line: Line, chosen: Sequence[Written], options: TransferOptions) -> Candidate:
        """A rewriting of a line from those of its pieces."""
        kept = tuple(w.unchanged for w in chosen)
        text = self.reader.write(
            [w.text for w in chosen], line, options.detokenise, [k is not None for k in kept], ends=options.contract
        )
        total, tokens = sum(w.score for w in chosen), sum(w.length for w in chosen)
        styles = [w.style for w in chosen if w.style is not None]
        style = sum(styles) / len(styles) if styles else None
        reasons = list(dict.fromkeys(k for k in kept if k is not None))
        unchanged = "; ".join(reasons) if None not in kept else None
        ranked = [w for w in chosen if w.rank is not None]
        chances = [w.acceptance for w in chosen if w.acceptance is not None and w.unchanged is None]
        rest: dict[str, Any] = {"unchanged": unchanged, "kept": kept, "acceptance": min(chances, default=None)}
        if not ranked:
            return Candidate(text, total, total / tokens, style, **rest)
        columns = zip(*(w.parts for w in ranked), strict=True)
        parts = dict(zip(PARTS, (float(sum(x)) for x in columns), strict=True)) if ranked[0].parts else None
        score = sum(w.rank or 0.0 for w in ranked)
        return Candidate(text, total, total / tokens, style, score, parts, **rest)


def batches(order: Sequence[int], lengths: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Cut indices sorted by length into batches of at most `size`; a half full one ends with its length.

    Sentences of one length need no packing in the encoder, a third of its time.
    """
    begin = 0
    for end in range(1, len(order) + 1):
        full = end - begin == size
        turn = end == len(order) or 2 * (end - begin) >= size and lengths[order[end]] != lengths[order[end - 1]]
        if full or turn:
            yield order[begin:end]
            begin = end


def combine(pieces: Sequence[list[Written]], count: int, penalty: float) -> list[list[Written]]:
    """The `count` best choices of a candidate per piece, by the sum of their values."""
    best: list[tuple[float, Any]] = [
        (0.0, None)
    ]  # chains (choices before, this choice), so that long lines stay linear
    for options in pieces:
        grown = [(rank + w.value(penalty), (before, w)) for rank, before in best for w in options]
        best = heapq.nlargest(count, grown, key=lambda pair: pair[0])
    return [unchain(chain) for _, chain in best]


def unchain(chain: Any) -> list[Written]:
    """The choices of a chain in order."""
    found: list[Written] = []
    while chain is not None:
        chain, choice = chain
        found.append(choice)
    return found[::-1]
