"""Bits and losses of compressed text beside what general compressors and n-grams need."""

from __future__ import annotations

import bz2
import gzip
import lzma
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from textvae.evaluation.bleu import from_statistics, statistics
from textvae.extras.compression.compressor import BLOCK_RECORDS, Coding, Compressor
from textvae.extras.compression.lines import Record, records
from textvae.extras.compression.lossy import LossyCoder
from textvae.extras.compression.quantisers import KINDS, Quantiser
from textvae.files import read_lines
from textvae.inference.kneser_ney import KneserNey
from textvae.inference.latents.space import LatentSpace
from textvae.inference.pieces import LineReader
from textvae.text import prepare


@dataclass(frozen=True)
class Distortion:
    """What is lost: corpus BLEU (percent) of the prepared lines, and the share of lines that come back unchanged."""

    bleu: float
    exact: float


@dataclass(frozen=True)
class Point:
    """One setting of the quantiser. bits_per_line: of blocks, without the header. squared_error: mean of (ẑ − μ)²."""

    quantiser: str
    levels: int
    bits_per_line: float
    bits_per_number: float
    squared_error: float
    bleu: float
    exact: float


def compare(path: Path, reader: LineReader, ngram_corpus: str | None = None) -> dict[str, float]:
    """Bits a line of general compressors and, given a corpus, under trigrams counted in it.

    The n-gram model (interpolated modified Kneser-Ney) is charged −log2 p of the prepared words and `</s>`, which no
    file reaches, with its unknown words as one symbol, unspelled: what it misses of a lossless code is in its favour.
    """
    data = path.read_bytes()
    lines = max(data.count(b"\n") + (not data.endswith(b"\n") and bool(data)), 1)
    found = {
        "as it is": 8 * len(data) / lines,
        "gzip -9": 8 * len(gzip.compress(data, 9)) / lines,
        "bzip2 -9": 8 * len(bz2.compress(data, 9)) / lines,
        "xz -9": 8 * len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)) / lines,
    }
    if ngram_corpus is not None:
        model = KneserNey(order=3).fit(prepare(line, reader.text) for _, line in read_lines(ngram_corpus))
        scores = model.score(
            [prepare(line, reader.text) for line in data.decode("utf-8", "replace").split("\n")[:lines]]
        )
        found["trigrams, unknown words free"] = -scores.log_prob.sum() / math.log(2) / lines
    return found


def distortion(space: LatentSpace, path: Path, coding: Coding) -> Distortion:
    """What a lossy file of `path` loses."""
    data = path.read_bytes()
    compressor = Compressor(space)
    fields = {name: getattr(coding, name) for name in ("lossy", "quantiser", "levels", "limit")}
    back = compressor.decompress(compressor.compress(data, **fields))
    return losses(space, data.split(b"\n"), back.split(b"\n"))


def losses(space: LatentSpace, before: Sequence[bytes], after: Sequence[bytes]) -> Distortion:
    """Of lines and what came back."""
    pairs = [
        (prepare(b.decode("utf-8", "replace"), space.text), prepare(a.decode("utf-8", "replace"), space.text))
        for b, a in zip(before, after, strict=True)
    ]
    kept = [(old, new) for old, new in pairs if old]
    if not kept:
        return Distortion(math.nan, math.nan)
    sums = statistics([new for _, new in kept], [[old] for old, _ in kept]).sum(0)
    return Distortion(float(from_statistics(sums)), float(np.mean([old == new for old, new in kept])))


def rate_distortion(
    space: LatentSpace, path: Path, levels: Sequence[int], kinds: Sequence[str] = KINDS, limit: float | None = None
) -> list[Point]:
    """A point for every quantiser and number of levels, over one file of text."""
    data = path.read_bytes()
    every = list(records([data]))
    reach = Compressor(space).limit(every[:BLOCK_RECORDS]) if limit is None else limit
    return [point(space, every, Quantiser(kind, count, reach)) for kind, count in product(kinds, levels)]


def point(space: LatentSpace, every: Sequence[Record], quantiser: Quantiser) -> Point:
    """One setting."""
    coder, reader = LossyCoder(space, quantiser), LossyCoder(space, quantiser)
    sizes, back = 0, []
    for block in batched(every):
        coded = coder.encode(block)
        sizes += len(coded.payload)
        back += reader.decode(coded)
    lines = space.reader.read([record.text.decode("utf-8", "replace") for record in every])
    means = coder.means([piece.ids for line in lines for piece in line.pieces])
    error = float(((quantiser.values(quantiser.codes(means)) - means) ** 2).mean()) if means.size else 0.0
    lost = losses(space, [record.text for record in every], [record.text for record in back])
    rate = 8 * sizes / max(len(every), 1)
    return Point(quantiser.kind, quantiser.levels, rate, 8 * sizes / max(means.size, 1), error, lost.bleu, lost.exact)


def batched(every: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """Blocks."""
    for begin in range(0, len(every), BLOCK_RECORDS):
        yield every[begin : begin + BLOCK_RECORDS]
