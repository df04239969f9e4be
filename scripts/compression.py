"""Bits a line of a text file under a sentence autoencoder, with and without its latent, beside general compressors.

    python scripts/compression.py runs/sentence_vae dev.txt --train train.txt --output compression.json
    python scripts/compression.py runs/sentence-deterministic dev.txt --lossy --levels 3 5 9 17 33
    python scripts/compression.py runs/sentence-vq dev.txt --lossy --codebook

Lossless: what `textvae compress` writes, where each sentence takes the latent or leaves it, whichever is cheaper; the
same with no sentence allowed to take it; the same with every one. Each is decoded again and compared. A model has read
its training text, so the general compressors and the n-grams are told it too: `xz, train before it` is the size of both
together less the size of the training text. Lossy: quantised latents, or the codes of a codebook, and what is lost.
"""

from __future__ import annotations

import argparse
import lzma
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from textvae.experiment.machine import commit, processor
from textvae.extras.compression.compressor import Coding, Compressor, dictionary, grouped
from textvae.extras.compression.evaluation import compare, point, rate_distortion
from textvae.extras.compression.lines import ENDINGS, Record, records
from textvae.extras.compression.lossless import BlockCoder, Plan
from textvae.extras.compression.quantisers import CODEBOOK, Quantiser
from textvae.files import write_json
from textvae.inference.latents.space import LatentSpace


class Forced(BlockCoder):
    """A coder whose sentences all take the latent (True), none of them (False), or those for which it pays (None)."""

    def __init__(self, space: LatentSpace, quantiser: Quantiser, lines: Sequence[str], latent: bool | None):
        super().__init__(space, quantiser, lines)
        self.forced = latent
        self.counted: Counter[bool] = Counter()

    def plan(self, records: Sequence[Record]) -> Plan:
        """The usual one, with another choice of the latent."""
        plan = super().plan(records)
        if self.forced is not None:
            plan.kinds = [self.latent if self.forced else 0] * len(plan.kinds)
        self.counted.update(kind == self.latent for kind in plan.kinds)
        return plan


def lossless(space: LatentSpace, data: bytes, quantiser: Quantiser, known: Path | None) -> dict[str, Any]:
    """Bits a line of blocks for each choice, and the share of sentences that take the latent where they may."""
    lines, _ = dictionary(known)
    found: dict[str, Any] = {}
    for name, choice in {"z where it pays": None, "never z": False, "always z": True}.items():
        coder, reader = (Forced(space, quantiser, lines, choice) for _ in range(2))
        size = count = 0
        for block in grouped(records([data])):
            coded = coder.encode(block)
            back = reader.decode(coded)
            assert [(r.text, ENDINGS[r.ending]) for r in back] == [(r.text, ENDINGS[r.ending]) for r in block]
            size, count = size + len(coded.payload), count + len(block)
        share = coder.counted[True] / max(coder.counted.total(), 1)
        found[name] = {"bits_per_line": 8 * size / count, "with_z": share}
        print(f"  {8 * size / count:9.2f} bits a line  {name} ({100 * share:.1f} % of the sentences)", flush=True)
    return found


def general(space: LatentSpace, file: Path, train: Path | None) -> dict[str, float]:
    """Bits a line of others."""
    found = compare(file, space.reader, None if train is None else str(train))
    if train is not None:
        before, data = train.read_bytes(), file.read_bytes()
        filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 1 << 27}]
        sizes = [len(lzma.compress(text, format=lzma.FORMAT_XZ, filters=filters)) for text in (before + data, before)]
        found["xz -9, train before it"] = 8 * (sizes[0] - sizes[1]) / data.count(b"\n")
    for name, bits in found.items():
        print(f"  {bits:9.2f} bits a line  {name}")
    return found


def lossy(space: LatentSpace, file: Path, levels: Sequence[int], codebook: bool) -> list[dict[str, Any]]:
    """Rate and distortion of every setting."""
    if codebook:
        points = [point(space, list(records([file.read_bytes()])), Quantiser(CODEBOOK, 2, 1.0))]
    else:
        points = rate_distortion(space, file, levels)
    for p in points:
        told = f"{p.bits_per_line:6.1f} bits a line, BLEU {p.bleu:5.1f}, exact {100 * p.exact:5.1f} %"
        print(f"  {p.quantiser:9} {p.levels:4} levels: {told}", flush=True)
    return [asdict(p) for p in points]


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("run", help="run directory of a sentence autoencoder, or of a style model without memory")
    add("file", type=Path)
    add("--train", type=Path, help="the model's training text: told to the n-grams and to xz as well")
    add("--lossy", action="store_true", help="quantised latents instead")
    add("--levels", type=int, nargs="+", default=[3, 5, 9, 17, 33])
    add("--codebook", action="store_true", help="with --lossy: the codes of the model (latent.kind vq)")
    add("--output", type=Path, help="JSON with all numbers")
    args = parser.parse_args()
    began, compressor = time.monotonic(), Compressor.from_pretrained(args.run)
    space, data = compressor.space, args.file.read_bytes()
    found: dict[str, Any] = {"command": " ".join(["compression.py", *sys.argv[1:]]), "commit": commit()}
    found |= {"processor": processor(), "lines": data.count(b"\n")}
    if args.lossy:
        found["lossy"] = lossy(space, args.file, args.levels, args.codebook)
    else:
        first = next(grouped(records([data])))
        found["others"] = general(space, args.file, args.train)
        quantiser = Quantiser(Coding().quantiser, Coding().levels, compressor.limit(first))
        found["lossless"] = lossless(space, data, quantiser, args.train)
    found["minutes"] = round((time.monotonic() - began) / 60, 1)
    if args.output is not None:
        write_json(args.output, found)


if __name__ == "__main__":
    main()
