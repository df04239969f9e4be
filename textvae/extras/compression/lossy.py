"""Blocks of text as quantised latents: what the decoder writes from them is near the text, not equal to it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from textvae.errors import UserError
from textvae.extras.compression.container import Block
from textvae.extras.compression.frequencies import AdaptiveNumber, AdaptiveTable, CodeTables
from textvae.extras.compression.lines import MOST_PIECES, Ending, Record
from textvae.extras.compression.lossless import Mismatch
from textvae.extras.compression.quantisers import CODEBOOK, Quantiser
from textvae.extras.compression.range_coder import Coder, RangeDecoder, RangeEncoder
from textvae.inference.latents.space import LatentSpace
from textvae.inference.options import TransferOptions
from textvae.inference.pieces import Line, Piece

Shape = tuple[Ending, int, int]
"""Ending, number of pieces, and form: 2 · tokenised + has capitals."""


class LossyCoder:
    """Codes of posterior means, with frequencies that learn after every block; forms and ends of lines as they are."""

    def __init__(self, space: LatentSpace, quantiser: Quantiser, options: TransferOptions | None = None):
        """options: how sentences are written from the decoded latents."""
        self.space, self.quantiser, self.options = space, quantiser, options or TransferOptions()
        space.model.memory(space.model.neutral()[None])  # a vector must be enough
        self.endings, self.forms, self.numbers = AdaptiveTable(len(Ending)), AdaptiveTable(4), AdaptiveNumber()
        books = set(space.model.codebooks)
        self.booked = quantiser.kind == CODEBOOK
        if self.booked and len(books) != 1:
            raise UserError("this model has no codebook (latent.kind vq has); quantise uniformly or by mulaw instead")
        self.width = len(space.model.codebooks) if self.booked else space.size
        self.tables = (
            CodeTables.of_codebooks(books.pop(), self.width)
            if self.booked
            else CodeTables(quantiser.borders(), space.size)
        )

    def encode(self, records: Sequence[Record]) -> Block:
        """Records to a block; bytes that are not UTF-8 are read as U+FFFD."""
        lines = self.space.reader.read([record.text.decode("utf-8", "replace") for record in records])
        shapes = [
            (record.ending, len(line.pieces), 2 * line.prepared + line.truecase)
            for record, line in zip(records, lines, strict=True)
        ]
        codes = self.quantised([piece.ids for line in lines for piece in line.pieces])
        coder = RangeEncoder()
        self.code(coder, len(records), shapes, codes)
        return Block(len(records), zlib.crc32(codes.astype("<u2").tobytes()), coder.finish())

    def quantised(self, pieces: Sequence[tuple[int, ...]]) -> np.ndarray:
        """Codes (P, M) of sentences."""
        if not self.booked:
            return self.quantiser.codes(self.means(pieces))
        found = np.zeros((len(pieces), self.width), np.int64)
        with torch.inference_mode():
            for rows, ids in self.space.padded(pieces):
                found[rows] = self.space.model.codes(ids).cpu().numpy()
        return found

    def values(self, codes: np.ndarray) -> np.ndarray:
        """z (P, Z) of codes (P, M)."""
        if not self.booked:
            return self.quantiser.values(codes)
        entries = torch.from_numpy(codes).to(self.space.model.device)
        found: np.ndarray = self.space.model.coded(entries).float().cpu().numpy()
        return found

    def means(self, pieces: Sequence[tuple[int, ...]]) -> np.ndarray:
        """Posterior means (P, Z) of sentences."""
        found = np.zeros((len(pieces), self.space.size), np.float32)
        with torch.inference_mode():
            for rows, ids in self.space.padded(pieces):
                found[rows] = self.space.model.posterior(ids).mean.float().cpu().numpy()
        return found

    def decode(self, block: Block) -> list[Record]:
        """A block to what is written from it; Mismatch where the codes are not those that were written."""
        try:
            shapes, codes = self.code(RangeDecoder(block.payload), block.records, None, None)
        except (ValueError, IndexError, KeyError, OverflowError) as error:
            raise Mismatch(str(error)) from error
        if zlib.crc32(codes.astype("<u2").tobytes()) != block.check:
            raise Mismatch("the codes are others")
        return self.written(shapes, codes)

    def written(self, shapes: Sequence[Shape], codes: np.ndarray) -> list[Record]:
        """Records whose sentences are decoded from codes (P, Z)."""
        never = replace(self.options, detokenise=False)
        sentences = iter([found[0].text for found in self.space.write(self.values(codes), never)])
        records = []
        for ending, count, form in shapes:
            line = Line("", (Piece(()),) * count, prepared=form >= 2, truecase=bool(form % 2))
            text = self.space.reader.write([next(sentences) for _ in range(count)], line, self.options.detokenise)
            records.append(Record(text.encode("utf-8", "replace"), ending))
        return records

    def code(
        self, coder: Coder, count: int, shapes: Sequence[Shape] | None, codes: np.ndarray | None
    ) -> tuple[list[Shape], np.ndarray]:
        """A block in either direction."""
        found = [self.shape(coder, None if shapes is None else shapes[i]) for i in range(count)]
        total = sum(pieces for _, pieces, _ in found)
        if total > count * MOST_PIECES * 64:
            raise ValueError("more sentences than a block can have")
        rows = [self.tables.code(coder, None if codes is None else codes[i].tolist()) for i in range(total)]
        coded = np.array(rows, np.int64).reshape(total, self.width)
        self.tables.learn(coded)
        return found, coded

    def shape(self, coder: Coder, given: Shape | None) -> Shape:
        """Ending, number of pieces and form of a record."""
        ending, number, form = given or (None, None, None)
        found = Ending(self.endings.code(coder, ending))
        return found, self.numbers.code(coder, number), self.forms.code(coder, form)
