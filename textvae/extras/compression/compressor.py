"""Files of text to small files and back."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from textvae.errors import UserError
from textvae.extras.compression.container import Reader, Writer
from textvae.extras.compression.lines import ENDINGS, Record, records
from textvae.extras.compression.lossless import BlockCoder, Mismatch
from textvae.extras.compression.lossy import LossyCoder
from textvae.extras.compression.quantisers import CODEBOOK, Quantiser
from textvae.files import read_lines
from textvae.inference.latents.space import LatentSpace
from textvae.inference.loading import Precision
from textvae.inference.options import TransferOptions

BLOCK_RECORDS = 256
"""Lines coded together. Fewer learn sooner, more are faster."""
BLOCK_BYTES = 1 << 20
"""A block also ends here."""
DIGITS = 32
"""Of a fingerprint, in the header."""
ROOM = 1.05
"""The quantiser reaches so much further than the largest number of the first block."""


@dataclass(frozen=True)
class Coding:
    """How text is coded. lossy: as quantised latents. quantiser, levels, limit: of these (see `Quantiser`); without a
    limit, that of the first block. dictionary: a text file that both sides have (lossless only)."""

    lossy: bool = False
    quantiser: str = "uniform"
    levels: int = 9
    limit: float | None = None
    dictionary: str | Path | None = None

    def __post_init__(self) -> None:
        Quantiser(self.quantiser, self.levels, 1.0 if self.limit is None else self.limit)
        if self.quantiser == CODEBOOK and not self.lossy:
            raise UserError("the codebook is for lossy files; add lossy=True (--lossy)")
        if self.lossy and self.dictionary is not None:
            raise UserError("a dictionary serves words, and lossy files have none: leave out one of the two")


@dataclass
class Rate:
    """What went in and what came out."""

    records: int = 0
    bytes_in: int = 0
    bytes_out: int = 0

    @property
    def bits_per_line(self) -> float:
        """Header and checks included."""
        return 8 * self.bytes_out / max(self.records, 1)


class Compressor:
    """Lossless or lossy compression under an autoencoder. Only the same model can read what it wrote.

    >>> compressor = Compressor.from_pretrained("runs/yelp")
    >>> small = compressor.compress("the food was great !")
    >>> compressor.decompress(small).decode()
    'the food was great !'

    Lossless files decode to the same bytes on a machine whose floating-point sums are the same: one of the same kind
    and version of torch. On another, a check in every block says so; what does not match is never given out.
    """

    def __init__(self, space: LatentSpace):
        self.space = space

    @classmethod
    def from_pretrained(
        cls, run: str | Path, device: str | torch.device | None = "cpu", precision: Precision = "fp32"
    ) -> Compressor:
        """Load a run directory; lossless files need the CPU, where equal sums give equal bits."""
        return cls(LatentSpace.from_pretrained(run, device, precision))

    # ------------------------------------------------------------------ in memory
    def compress(self, data: str | bytes, **coding: Any) -> bytes:
        """Text to bytes; coding: the fields of `Coding`."""
        out = io.BytesIO()
        self.compress_to(out, [data.encode() if isinstance(data, str) else data], Coding(**coding))
        return out.getvalue()

    def decompress(self, data: bytes, name: str = "the data", **options: Any) -> bytes:
        """What `compress` was given, or for a lossy file what the model writes from it (options: of that search)."""
        return b"".join(self.blocks(io.BytesIO(data), name, **options))

    # ------------------------------------------------------------------ streams
    def compress_to(self, out: IO[bytes], chunks: Iterable[bytes], coding: Coding | None = None) -> Rate:
        """Any number of bytes in bounded memory."""
        coding, rate = coding or Coding(), Rate()
        blocks = grouped(records(chunks))
        first = next(blocks, [])
        header, coder = self.begun(first, coding)
        writer = Writer(out, header)
        for block in [first] if first else []:
            self.add(writer, coder, block, rate)
        for block in blocks:
            self.add(writer, coder, block, rate)
        rate.bytes_out = writer.end()
        return rate

    @staticmethod
    def add(writer: Writer, coder: BlockCoder | LossyCoder, block: Sequence[Record], rate: Rate) -> None:
        """Code and write a block."""
        writer.block(coder.encode(block))
        rate.records += len(block)
        rate.bytes_in += sum(len(record.text) + len(ENDINGS[record.ending]) for record in block)

    def begun(self, first: Sequence[Record], coding: Coding) -> tuple[dict[str, Any], BlockCoder | LossyCoder]:
        """Header and coder of a file that begins with these records."""
        limit = self.limit(first) if coding.limit is None else coding.limit
        quantiser = Quantiser(coding.quantiser, coding.levels, limit)
        header: dict[str, Any] = {
            "mode": "lossy" if coding.lossy else "lossless",
            "model": self.space.fingerprint[:DIGITS],
            "quantiser": [quantiser.kind, quantiser.levels, quantiser.limit],
            "torch": torch.__version__,
        }
        if coding.lossy:
            return header, LossyCoder(self.space, quantiser)
        lines, digest = dictionary(coding.dictionary)
        if digest:
            header["dictionary"] = digest
        return header, BlockCoder(self.space, quantiser, lines)

    def limit(self, first: Sequence[Record]) -> float:
        """A little more than the largest number in the latents of the first block; 1 where there are none."""
        vectors = self.space.vectors([record.text.decode("utf-8", "replace") for record in first])
        largest = float(np.abs(vectors).max()) if vectors.size else 0.0
        return float(np.float32(ROOM * largest)) or 1.0

    def blocks(self, handle: IO[bytes], name: str, given: str | Path | None = None, **options: Any) -> Iterator[bytes]:
        """The text of a file, block by block, each checked before it is given out. given: the dictionary."""
        reader = Reader(handle, name)
        coder = self.resumed(reader, name, given, options)
        for number, block in enumerate(reader.blocks(), start=1):
            try:
                found = coder.decode(block)
            except Mismatch as error:
                raise UserError(self.mismatch(reader, name, number)) from error
            yield b"".join(record.text + ENDINGS[record.ending] for record in found)

    def resumed(
        self, reader: Reader, name: str, given: str | Path | None, options: dict[str, Any]
    ) -> BlockCoder | LossyCoder:
        """The coder that a header asks for; UserError where it is another model's, or the dictionary is not given."""
        header = reader.header
        try:
            mode, model = str(header["mode"]), str(header["model"])
            kind, levels, limit = header["quantiser"]
            quantiser = Quantiser(str(kind), int(levels), float(limit))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{name} is damaged: its header does not say how it was coded") from error
        if model != self.space.fingerprint[:DIGITS]:
            raise UserError(
                f"{name} was compressed with another model (its fingerprint is {model[:12]}..., this one's "
                f"{self.space.fingerprint[:12]}...); give the run it was made with, unchanged"
            )
        if mode == "lossy":
            return LossyCoder(self.space, quantiser, TransferOptions(**options))
        lines, digest = dictionary(given)
        if digest != header.get("dictionary", ""):
            wanted = "needs the dictionary it was made with" if header.get("dictionary") else "has no dictionary"
            raise UserError(f"{name} {wanted}: {'give that file' if header.get('dictionary') else 'leave it out'}")
        return BlockCoder(self.space, quantiser, lines)

    def mismatch(self, reader: Reader, name: str, number: int) -> str:
        """The message for a block that is whole and still decodes to something else."""
        made = str(reader.header.get("torch"))
        other = f" with torch {made}, and this is {torch.__version__}" if made != torch.__version__ else ""
        return (
            f"{name}, block {number}: it is not damaged, but decodes to another text than was coded. Probabilities "
            f"here are not the same to the last bit: it was made on another kind of machine{other}. Decompress it there"
        )


def grouped(found: Iterator[Record]) -> Iterator[list[Record]]:
    """Blocks of at most BLOCK_RECORDS records and about BLOCK_BYTES bytes."""
    block: list[Record] = []
    size = 0
    for record in found:
        block.append(record)
        size += len(record.text)
        if len(block) == BLOCK_RECORDS or size >= BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def dictionary(path: str | Path | None) -> tuple[list[str], str]:
    """Lines of a dictionary and its fingerprint; nothing where there is none."""
    if path is None:
        return [], ""
    lines = [line for _, line in read_lines(path)]
    return lines, hashlib.sha256("\n".join(lines).encode()).hexdigest()[:DIGITS]
