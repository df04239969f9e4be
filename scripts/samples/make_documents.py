"""The bundled sample of documents: each a run of review sentences that share their domain and their sentiment.

What a document keeps constant is known by construction: one of 11 domains and one of 2 labels. Its sentences differ in
everything else (pattern, nouns, phrases, place, time). No sentence occurs twice, so no document can be told by a
sentence seen before. `python scripts/samples/make_documents.py [FOLDER]` writes them, by default to
data/sample-documents; the files depend on the seed alone.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from textvae.data.sample import LABELS, MAX_TOKENS, MIN_TOKENS, Grammar, pick, write_files

SIZES = {"train": 800, "dev": 100, "test": 150}
SENTENCES = range(5, 10)
"""How many sentences a document has."""


@dataclass(frozen=True)
class SampleDocument:
    """Sentences, and the two factors that all of them share."""

    domain: str
    label: str
    sentences: tuple[str, ...]


def make_documents(seed: int = 0, sizes: dict[str, int] | None = None) -> dict[str, list[SampleDocument]]:
    """So many documents in each split; by default those that are bundled."""
    stream = write_documents(random.Random(f"documents {seed}"))
    return {split: [next(stream) for _ in range(size)] for split, size in (sizes or SIZES).items()}


def write_documents(rng: random.Random) -> Iterator[SampleDocument]:
    """Endless documents: sentences are drawn one by one and gathered until a document is full."""
    grammar, seen = Grammar(2), set[str]()
    gathered: dict[tuple[str, int], list[str]] = {}
    wanted: dict[tuple[str, int], int] = {}
    while True:
        frame, label = grammar.draw_frame(rng), pick(rng, range(2))
        text = grammar.write(frame, grammar.draw_filling(rng, frame))[label]
        if text in seen or not MIN_TOKENS <= len(text.split()) <= MAX_TOKENS:
            continue
        seen.add(text)
        kind = frame.domain, label
        sentences = gathered.setdefault(kind, [])
        sentences.append(text)
        if len(sentences) == wanted.setdefault(kind, pick(rng, SENTENCES)):
            yield SampleDocument(frame.domain, LABELS[2][label], tuple(sentences))
            del gathered[kind], wanted[kind]


def document_files(splits: dict[str, list[SampleDocument]]) -> dict[str, bytes]:
    """`SPLIT.txt`: one sentence a line, a blank line between documents."""
    return {
        f"{split}.txt": "\n".join("".join(f"{s}\n" for s in document.sentences) for document in documents).encode(
            "ascii"
        )
        for split, documents in splits.items()
    }


def write_sample_documents(folder: str | Path, seed: int = 0) -> list[Path]:
    """Write the files of `make_documents(seed)` into `folder`; returns their paths."""
    return write_files(folder, document_files(make_documents(seed)))


ROOT = Path(__file__).resolve().parents[2]

if __name__ == "__main__":
    for path in write_sample_documents(sys.argv[1] if len(sys.argv) > 1 else ROOT / "data" / "sample-documents"):
        print(f"{path.stat().st_size:>9,} bytes  {path}")
