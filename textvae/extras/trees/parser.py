"""Trees of text, by a trained grammar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from textvae.data.batch import Collator
from textvae.data.noise import NoiseConfig
from textvae.data.tokenized import TokenizedCorpus
from textvae.data.trees import Span, format_tree
from textvae.errors import UserError
from textvae.extras.trees.compound_pcfg import CompoundPCFG
from textvae.inference.loading import Loaded, find_device, load
from textvae.text import prepare
from textvae.tokenization.config import SPECIAL
from textvae.tokenization.pretrained import token_ids

BATCH_SIZE, MAX_WORDS = 32, 200


@dataclass(frozen=True)
class Parsed:
    """words of a prepared sentence; spans: constituents (i, j) of its tree; log_prob: nats, at the mean of z."""

    words: tuple[str, ...]
    spans: frozenset[Span]
    log_prob: float

    def __str__(self) -> str:
        return format_tree(self.words, self.spans)


class TreeParser:
    """Sentences to trees: the binary tree with the largest expected number of right constituents.

    Example:
        parser = TreeParser.from_pretrained("runs/trees")
        print(parser("the dog sees a cat"))  # ( ( the dog ) ( sees ( a cat ) ) )
    """

    def __init__(self, loaded: Loaded[CompoundPCFG], batch_size: int = BATCH_SIZE):
        if batch_size < 1:
            raise UserError(f"the batch size must be at least 1, not {batch_size}")
        self.model, self.tokenizer, self.text = loaded.model, loaded.tokenizer, loaded.text
        self.batch_size = batch_size
        self.collator = Collator(np.full(len(self.tokenizer), -1, dtype=np.int64), NoiseConfig())

    @classmethod
    def from_pretrained(
        cls, path: str | Path, device: str | torch.device | None = None, batch_size: int = BATCH_SIZE
    ) -> TreeParser:
        """The grammar of a run folder, or of a model folder inside one."""
        return cls(load(path, find_device(device), CompoundPCFG), batch_size)

    def __call__(self, text: str) -> str:
        """One sentence in brackets."""
        return str(self.parse([text])[0])

    def parse(self, texts: Sequence[str], first: int = 0) -> list[Parsed]:
        """Trees of sentences, in their order; a text without words has none. first: number of the first, for errors.

        A mark that the grammar has never seen (a full stop, where it learnt without) is left out of the tree.
        """
        prepared = [self.words(text, first + number) for number, text in enumerate(texts)]
        found = [Parsed((), frozenset(), 0.0)] * len(texts)
        rows = sorted((row for row, (words, _) in enumerate(prepared) if words), key=lambda row: len(prepared[row][0]))
        for start in range(0, len(rows), self.batch_size):
            part = rows[start : start + self.batch_size]
            for row, parsed in zip(part, self.parse_batch([prepared[row] for row in part]), strict=True):
                found[row] = parsed
        return found

    def words(self, text: str, number: int) -> tuple[list[str], list[int]]:
        """Words and ids of a text."""
        words = prepare(text, self.text).split()
        ids = token_ids(self.tokenizer, [" ".join(words)])[0] if words else []
        kept = [(w, i) for w, i in zip(words, ids, strict=True) if i != SPECIAL.unk or any(c.isalnum() for c in w)]
        if len(kept) > MAX_WORDS:
            raise UserError(
                f"text {number + 1} has {len(kept)} words and a tree takes time in their third power; cut it into "
                f"sentences of at most {MAX_WORDS}"
            )
        return [w for w, _ in kept], [i for _, i in kept]

    def parse_batch(self, sentences: Sequence[tuple[list[str], list[int]]]) -> list[Parsed]:
        """Trees and likelihoods of sentences that go through the model together."""
        corpus = TokenizedCorpus.from_lists([ids for _, ids in sentences], [0] * len(sentences))
        batch = self.collator(corpus, np.arange(len(corpus))).to(self.model.device)
        with torch.no_grad():
            nll = self.model(batch=batch, sample=False).nll.tolist()
        trees = self.model.trees(batch)
        return [
            Parsed(tuple(words), frozenset(spans), -value)
            for (words, _), spans, value in zip(sentences, trees, nll, strict=True)
        ]
