"""Small unpaired data for the tests of this folder."""

from __future__ import annotations

from functools import cache

import numpy as np

from textvae.data.unpaired.config import SummaryNoiseConfig
from textvae.data.unpaired.denoising import SummaryNoise
from textvae.data.unpaired.loader import UnpairedLoader
from textvae.data.unpaired.slots import SlotVocabulary
from textvae.data.unpaired.tokenized import TokenizedSide
from textvae.tokenization.config import TokenizerConfig
from textvae.tokenization.training import train_tokenizer

COMMON = [f"w{i}" for i in range(40)]
KINDS = ["bpe", "unigram", "word"]


def make_texts(count: int, seed: int, least: int, most: int, names: str) -> list[str]:
    """Texts of common words, some names of their own (`names`NUMBER) and some that the other side has too; all end with
    a full stop."""
    rng = np.random.default_rng(seed)
    texts = []
    for i in range(count):
        words = list(rng.choice(COMMON, rng.integers(least, most)))
        words[rng.integers(len(words))] = f"{names}{i}"
        if i % 3 == 0:
            words[rng.integers(len(words))] = f"shared{rng.integers(20)}"
        texts.append(" ".join([*words, "."]))
    return texts


DOCUMENTS = make_texts(90, 0, 12, 25, "doc")
TEXTS = make_texts(70, 1, 4, 9, "text")


@cache
def vocabulary(kind: str = "word", slots: int = 6) -> SlotVocabulary:
    """Trained on the common words: names are unknown to the word tokenizer."""
    plain = [" ".join(COMMON), "."] * 30
    texts = plain if kind == "word" else [*DOCUMENTS, *TEXTS]
    size = {"word": 60, "bpe": 400, "unigram": 400}[kind]
    return SlotVocabulary(train_tokenizer(TokenizerConfig(kind=kind, vocab_size=size), texts), slots)  # type: ignore[arg-type]


def side(texts: list[str], kind: str = "word", keys: list[int] | None = None) -> TokenizedSide:
    """Texts as ids."""
    known = vocabulary(kind)
    return TokenizedSide.of(known.encode(texts), known.words, keys)


def noise(kind: str = "word", documents: list[str] | None = None, **settings: float) -> SummaryNoise:
    """Noise out of the documents."""
    config = SummaryNoiseConfig(**settings)  # type: ignore[arg-type]
    return SummaryNoise(config, side(documents or DOCUMENTS, kind), vocabulary(kind))


def loader(
    kind: str = "word", batch_size: int = 8, seed: int = 0, rank: int = 0, world_size: int = 1, texts: int = 70
) -> UnpairedLoader:
    """Batches of both sides."""
    made = noise(kind)
    return UnpairedLoader(
        made.documents, side(TEXTS[:texts], kind), vocabulary(kind), made, batch_size, seed, rank, world_size
    )
