"""Blocks of text under the model's probabilities, one function for both directions.

A sentence costs −log2 of a mixture of p(word | words before, z), the decoder's, and adaptive n-grams; and what says
which z: the middle of the prior (the decoder as a plain language model), that of a label, or the quantised posterior
mean, whichever is cheapest for the sentence. Bits-back coding (Townsend et al. 2019) would pay less for z, but only for
long messages. What the vocabulary does not have is spelled in bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch

from textvae.errors import UserError
from textvae.extras.compression.byte_model import ByteModel
from textvae.extras.compression.container import Block
from textvae.extras.compression.frequencies import AdaptiveNumber, AdaptiveTable, CodeTables, cumulative
from textvae.extras.compression.lines import (
    ENDINGS,
    MOST_PIECES,
    Case,
    Ending,
    Form,
    LineModel,
    Record,
    Words,
    has_case,
)
from textvae.extras.compression.quantisers import Quantiser
from textvae.extras.compression.range_coder import Coder, RangeDecoder, RangeEncoder
from textvae.extras.compression.word_model import HIGHEST, AdaptiveNgrams, Mixture
from textvae.inference.latents.model import prior_centres
from textvae.inference.latents.space import LatentSpace
from textvae.tokenization.config import SPECIAL

Pieces = list[tuple[int, ...]]

RETRY = 16
"""Every so many blocks all kinds of z are tried; in between, those that some sentence has chosen."""


class Mismatch(Exception):
    """What was decoded is not what was coded: the probabilities were not the same ones."""


@dataclass
class Plan:
    """A block as the encoder wants it. words: None for bytes. kinds, codes: of all pieces, codes (P, Z)."""

    records: Sequence[Record]
    words: Sequence[Words | None]
    kinds: list[int] = field(default_factory=list)
    codes: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int64))

    @property
    def pieces(self) -> Pieces:
        """Of all records."""
        return [piece for words in self.words if words is not None for piece in words.pieces]


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums in the order of one thread, whatever the process is allowed: other orders give other last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode(), torch.autocast("cpu", enabled=False):
            yield
    finally:
        torch.set_num_threads(before)


class BlockCoder:
    """The state that both sides share: it changes after every block, by what the block held."""

    def __init__(self, space: LatentSpace, quantiser: Quantiser, dictionary: Sequence[str] = ()):
        """dictionary: lines of text that both sides have, counted before the first block."""
        self.space, self.quantiser = space, quantiser
        self.lines, self.max_tokens = LineModel(space.reader), space.reader.max_tokens
        model = space.model
        if model.device.type != "cpu":
            raise UserError("compression runs on the CPU, where the same sums give the same bits: --device cpu")
        self.anchors = anchors(space)
        model.memory(torch.from_numpy(self.anchors[:1]))  # a vector must be enough
        self.latent = len(self.anchors)
        """The kind of a piece whose z is coded; kinds below it are anchors."""
        self.shapes = AdaptiveTable(len(Form) * len(Ending))
        self.numbers, self.kinds = AdaptiveNumber(), AdaptiveTable(self.latent + 1)
        self.tables = CodeTables(quantiser.borders(), space.size)
        self.cases: dict[tuple[bool, Case | None], AdaptiveTable] = {}
        self.last_case: dict[str, Case] = {}
        self.mixture = Mixture(2)
        self.blocks, self.chosen = 0, set[int]()  # the encoder's alone
        tokenizer = space.reader.tokenizer
        self.ngrams = AdaptiveNgrams(len(tokenizer))
        self.bytes = ByteModel()
        for word in sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().__getitem__)[len(vars(SPECIAL)) :]:
            self.bytes.read(word.encode())
        read = (self.lines.parse(line.encode("utf-8", "replace")) for line in dictionary)
        self.ngrams.learn(
            ((*ids, SPECIAL.eos) for words in read if words is not None for ids in words.pieces), SPECIAL.bos
        )

    # ------------------------------------------------------------------ what people of this package call
    def encode(self, records: Sequence[Record]) -> Block:
        """Records to a block."""
        with one_thread():
            plan = self.plan(records)
            coder = RangeEncoder()
            self.code(coder, len(records), plan)
        return Block(len(records), checksum(records), coder.finish())

    def decode(self, block: Block) -> list[Record]:
        """A block to records; Mismatch where these are not what was coded."""
        try:
            with one_thread():
                found = self.code(RangeDecoder(block.payload), block.records, None)
        except (ValueError, IndexError, KeyError, StopIteration, OverflowError) as error:
            raise Mismatch(str(error)) from error
        if checksum(found) != block.check:
            raise Mismatch("the text is another")
        return found

    # ------------------------------------------------------------------ the encoder's choices
    def plan(self, records: Sequence[Record]) -> Plan:
        """How to code each record and each sentence."""
        plan = Plan(records, [self.lines.parse(record.text) for record in records])
        pieces = plan.pieces
        plan.codes = np.zeros((len(pieces), self.space.size), np.int64)
        costs = np.full((len(pieces), self.latent + 1), np.inf)
        tried = range(self.latent + 1) if self.blocks % RETRY == 0 else sorted(self.chosen)
        for rows, ids in self.space.padded(pieces) if pieces else ():
            codes = self.quantiser.codes(self.space.model.posterior(ids).mean.numpy())
            plan.codes[rows] = codes
            ngrams = [self.ngram_probabilities(pieces[i]) for i in rows]
            for kind in tried:
                z = torch.from_numpy(self.vectors([kind] * len(rows), codes))
                costs[rows, kind] = self.costs(
                    self.space.model.token_log_probs(z, ids).double().exp().numpy(), ngrams, kind
                )
            costs[rows, self.latent] += self.tables.bits(codes)
        plan.kinds = costs.argmin(1).tolist()
        self.chosen = (set() if self.blocks % RETRY == 0 else self.chosen) | set(plan.kinds)
        self.blocks += 1
        return plan

    def ngram_probabilities(self, piece: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Of every word that is coded, (T,), and how many context words were seen before it, (T,)."""
        line = (SPECIAL.bos, *piece, SPECIAL.eos)
        found = []
        for place in range(1, min(len(line), self.max_tokens + 1)):
            contexts = self.ngrams.contexts(line[max(0, place - HIGHEST) : place])
            found.append((self.ngrams.probability(contexts, line[place]), len(contexts)))
        values, counts = zip(*found, strict=True)
        return np.array(values), np.array(counts)

    def costs(self, decoder: np.ndarray, ngrams: Sequence[tuple[np.ndarray, np.ndarray]], kind: int) -> np.ndarray:
        """Bits (B,) of pieces under the mixture of p_decoder (B, L) and the n-grams."""
        bits = np.zeros(len(ngrams))
        for row, (values, counts) in enumerate(ngrams):
            weights = self.mixture.weights[self.row_kind(kind), counts]
            mixed = (1 - weights) * decoder[row, : len(values)] + weights * values
            bits[row] = -np.log2(mixed.clip(min=1e-300)).sum()
        return bits

    def row_kind(self, kind: int) -> int:
        """Anchors share the weights of the mixture; a coded z has its own."""
        return int(kind == self.latent)

    def vectors(self, kinds: Sequence[int], codes: np.ndarray) -> np.ndarray:
        """z (P, Z) float32 of kinds and codes."""
        coded = np.array([kind == self.latent for kind in kinds], bool)[:, None]
        anchored = self.anchors[[kind if kind < self.latent else 0 for kind in kinds]]
        return np.where(coded, self.quantiser.values(codes), anchored).astype(np.float32)

    # ------------------------------------------------------------------ both directions
    def code(self, coder: Coder, count: int, plan: Plan | None) -> list[Record]:
        """A block of `count` records: written by the plan, or read."""
        shapes = [self.shape(coder, None if plan is None else (plan.records[i], plan.words[i])) for i in range(count)]
        total = sum(pieces for _, _, pieces in shapes)
        if total > count * MOST_PIECES:
            raise ValueError("more sentences than a block can have")
        kinds = [self.kinds.code(coder, None if plan is None else plan.kinds[i]) for i in range(total)]
        codes = self.codes(coder, kinds, plan)
        pieces = self.words(coder, kinds, self.vectors(kinds, codes), None if plan is None else plan.pieces)
        records, left = [], iter(pieces)
        for i, (form, ending, number) in enumerate(shapes):
            mine = tuple(next(left) for _ in range(number))
            given = None if plan is None else plan.words[i]
            if form is Form.BYTES:
                text = self.bytes.code(coder, None if plan is None else plan.records[i].text)
            else:
                text = self.lines.restore(self.spelled(coder, form, mine, given))
            records.append(Record(text, ending))
        self.ngrams.learn([(*piece, SPECIAL.eos) for piece in pieces], SPECIAL.bos)
        self.tables.learn(codes[[kind == self.latent for kind in kinds]])
        return records

    def shape(self, coder: Coder, given: tuple[Record, Words | None] | None) -> tuple[Form, Ending, int]:
        """Form, ending and number of pieces of a record."""
        symbol = number = None
        if given is not None:
            record, words = given
            form = Form.BYTES if words is None else words.form
            symbol, number = form * len(Ending) + record.ending, 0 if words is None else len(words.pieces)
        found, ending = divmod(self.shapes.code(coder, symbol), len(Ending))
        return Form(found), Ending(ending), self.numbers.code(coder, number) if found != Form.BYTES else 0

    def codes(self, coder: Coder, kinds: Sequence[int], plan: Plan | None) -> np.ndarray:
        """(P, Z): of the pieces whose z is coded; 0 for the others."""
        found = np.zeros((len(kinds), self.space.size), np.int64)
        for place, kind in enumerate(kinds):
            if kind == self.latent:
                found[place] = self.tables.code(coder, None if plan is None else plan.codes[place].tolist())
        return found

    def words(self, coder: Coder, kinds: Sequence[int], z: np.ndarray, given: Pieces | None) -> Pieces:
        """All pieces at once, word by word; those that have ended leave. The last word of a full piece has no end."""
        if not kinds:
            return []
        network = self.space.model.network
        state = network.decoder.start(self.space.model.memory(torch.from_numpy(z)), network.target_embedding)
        rows, tokens = np.arange(len(kinds)), torch.full((len(kinds),), SPECIAL.bos)
        found: list[list[int]] = [[SPECIAL.bos] for _ in kinds]
        used: list[tuple[int, int, float, float]] = []
        for place in range(self.max_tokens):
            hidden, state = network.decoder.step(tokens, state, network.target_embedding)
            decoder = network.output.log_probs(hidden).double().exp().numpy()
            contexts = [self.ngrams.contexts(found[row][-HIGHEST:]) for row in rows]
            ngrams = np.stack([self.ngrams.distribution(c) for c in contexts])
            groups = [(self.row_kind(kinds[int(row)]), len(c)) for row, c in zip(rows, contexts, strict=True)]
            mixed = [self.mixture.mixed(*g, decoder[i], ngrams[i]) for i, g in enumerate(groups)]
            sums = cumulative(np.stack(mixed))
            for i, row in enumerate(rows):
                wanted = None if given is None else (*given[row], SPECIAL.eos)[place]
                word = coder.code(sums[i], wanted)
                used.append((*groups[i], float(decoder[i, word]), float(ngrams[i, word])))
                found[row].append(word)
            open_ = np.array([found[row][-1] != SPECIAL.eos for row in rows])
            rows = rows[open_]
            if not len(rows):
                break
            state = state.select(torch.from_numpy(np.flatnonzero(open_)))
            tokens = torch.tensor([found[row][-1] for row in rows])
        self.mixture.learn(used)
        return [tuple(words[1:-1] if words[-1] == SPECIAL.eos else words[1:]) for words in found]

    def spelled(self, coder: Coder, form: Form, pieces: tuple[tuple[int, ...], ...], given: Words | None) -> Words:
        """The unknown words and capitals of a record."""
        count = sum(i == self.lines.unk for piece in pieces for i in piece)
        spelled = [self.bytes.code(coder, None if given is None else given.unknown[i].encode()) for i in range(count)]
        unknown = tuple(word.decode("utf-8") for word in spelled)
        found = Words(form, pieces, unknown)
        if not form.cased:
            return found
        cases: list[Case] = []
        start = True
        for place, word in enumerate(self.lines.words(found)):
            cases.append(self.case(coder, word, start, None if given is None else given.cases[place]))
            start = word in (".", "!", "?") or start and not word[:1].isalnum()
        return Words(form, pieces, unknown, tuple(cases))

    def case(self, coder: Coder, word: str, start: bool, given: Case | None) -> Case:
        """Capitals of a word, by where it stands and by how it was written the last time."""
        if not has_case(word):
            return Case.LOWER
        table = self.cases.setdefault((start, self.last_case.get(word)), AdaptiveTable(len(Case)))
        found = Case(table.code(coder, given))
        if not start and (word in self.last_case or len(self.last_case) < 1 << 20):
            self.last_case[word] = found
        return found


def anchors(space: LatentSpace) -> np.ndarray:
    """z (A, Z) that cost no codes: the middle of the prior, and of each label's (of each combination of them)."""
    model = space.model
    found = [model.neutral()]
    for label in range(model.groups.combinations):
        parts = []
        for name, part in model.spaces.items():
            centres = prior_centres(part)
            parts.append(found[0][model.parts[name]] if centres is None else centres[label].to(found[0]))
        found.append(torch.cat(parts))
    unique: np.ndarray = np.unique(torch.stack(found).float().numpy(), axis=0)
    return unique


def checksum(records: Sequence[Record]) -> int:
    """CRC-32 of the bytes of records."""
    return zlib.crc32(b"".join(record.text + ENDINGS[record.ending] for record in records))
