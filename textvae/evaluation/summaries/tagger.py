"""The denoising tagger: a baseline that learns from human texts and documents without any pair.

Pieces of documents are inserted into a human text and a network learns to tell the words of the text from those of the
pieces. On a real document, the words that look like the text of a person writing short are kept, in their order.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from textvae.errors import UserError
from textvae.evaluation.sampling import chunks, reservoir
from textvae.evaluation.summaries.config import TaggerConfig
from textvae.evaluation.summaries.lead import usual_ending
from textvae.evaluation.summaries.piece_noise import PieceNoise
from textvae.files import atomic_write, write_json
from textvae.modules.noise import mix

UNKNOWN = 0
Batch = list[tuple[list[int], list[bool]]]


class _Network(nn.Module):
    """(B, L) words -> (B, L) logits of keeping each; word and position embeddings, biLSTM, one linear map."""

    def __init__(self, words: int, config: TaggerConfig) -> None:
        super().__init__()
        self.words = nn.Embedding(words, config.embedding_size)
        self.positions = nn.Embedding(config.max_positions, config.embedding_size)
        self.dropout = nn.Dropout(config.dropout)
        self.lstm = nn.LSTM(config.embedding_size, config.size, batch_first=True, bidirectional=True)
        self.keep = nn.Linear(2 * config.size, 1)

    def forward(self, ids: Tensor) -> Tensor:
        place = torch.arange(ids.shape[1]).clamp(max=self.positions.num_embeddings - 1)
        hidden, _ = self.lstm(self.dropout(self.words(ids) + self.positions(place)))
        return self.keep(self.dropout(hidden)).squeeze(-1)


class DenoisingTagger:
    """Logits of keeping each word of a document; `summarise` keeps so many words that are likely and stand together.

    Trains on the CPU, a minute of a core for 90,000 texts and each epoch; the same seed gives the same network.
    """

    def __init__(self, config: TaggerConfig | None = None) -> None:
        self.config = config or TaggerConfig()
        self.index: dict[str, int] = {}
        self.network: _Network | None = None

    def fit(self, texts: Sequence[str], documents: Sequence[str]) -> DenoisingTagger:
        """Learn from prepared human texts and prepared documents that have nothing to do with each other."""
        config = self.config
        same: dict[str, str] = {}  # one string for each word, not for each place: a tenth of the memory
        human, foreign = (
            [[same.setdefault(w, w) for w in text.split()] for text in reservoir(side, config.max_texts, config.seed)]
            for side in (texts, documents)
        )
        human, foreign = ([words for words in side if words] for side in (human, foreign))
        if not human or not foreign:
            raise UserError("the denoising tagger needs human texts and documents to learn from; one side is empty")
        counts = Counter(word for words in (*human, *foreign) for word in words)
        known = [word for word, count in counts.items() if count >= config.min_count]
        self.index = {word: number for number, word in enumerate(known, start=UNKNOWN + 1)}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.network = _Network(len(known) + UNKNOWN + 1, config)
            self._train(human, PieceNoise(foreign, config, usual_ending(texts)))
        return self

    def _train(self, human: Sequence[Sequence[str]], noise: PieceNoise) -> None:
        network, config = self._ready(), self.config
        network.train()
        optimizer = torch.optim.Adam(network.parameters(), lr=config.lr)
        for epoch in range(config.epochs):
            batches = self._batches(human, noise, epoch)
            for step, rows in enumerate(batches):
                done = (epoch + step / len(batches)) / config.epochs
                optimizer.param_groups[0]["lr"] = config.lr * max(0.05, 1 - done)
                ids, kept = torch.tensor([row[0] for row in rows]), torch.tensor([row[1] for row in rows])
                loss = nn.functional.binary_cross_entropy_with_logits(network(ids), kept.float())
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
        network.eval()

    def _batches(self, human: Sequence[Sequence[str]], noise: PieceNoise, epoch: int) -> list[Batch]:
        """The epoch's noised texts in batches of equal length, which need no padding, in random order."""
        groups: dict[int, Batch] = defaultdict(list)
        rng = np.random.default_rng(mix(self.config.seed, epoch))
        for row in rng.permutation(len(human)).tolist():
            words, kept = noise(human[row], np.random.default_rng(mix(self.config.seed, epoch, row)))
            groups[len(words)].append((self._ids(words), kept))
        batches = [batch for _, rows in sorted(groups.items()) for batch in chunks(rows, self.config.batch_size)]
        return [batches[i] for i in rng.permutation(len(batches)).tolist()]

    def _ids(self, words: Sequence[str]) -> list[int]:
        return [self.index.get(word, UNKNOWN) for word in words]

    def _ready(self) -> _Network:
        if self.network is None:
            raise RuntimeError("the tagger has not been trained: call fit")
        return self.network

    @torch.no_grad()
    def logits(self, documents: Sequence[str]) -> list[np.ndarray]:
        """For each prepared document, the logits (L,) of keeping its words."""
        network = self._ready()
        ids = [self._ids(document.split()) for document in documents]
        result = [np.zeros(0, np.float32)] * len(ids)
        order = sorted((row for row, found in enumerate(ids) if found), key=lambda row: len(ids[row]))
        for _, group in groupby(order, key=lambda row: len(ids[row])):
            for rows in chunks(group, self.config.batch_size):
                found = network(torch.tensor([ids[row] for row in rows])).numpy()
                for row, logits in zip(rows, found, strict=True):
                    result[row] = logits
        return result

    def summarise(self, documents: Sequence[str], words: int | Sequence[int]) -> list[str]:
        """So many words of each document (all of a shorter one), in its order; one number, or one for each."""
        counts = [words] * len(documents) if isinstance(words, int) else words
        found = zip(documents, self.logits(documents), counts, strict=True)
        return [pick(document, logits, count, self.config.switch_cost) for document, logits, count in found]

    def save(self, folder: str | Path) -> None:
        """Write `tagger.safetensors` and `tagger.json` into `folder`."""
        with atomic_write(Path(folder) / "tagger.safetensors", binary=True) as handle:
            handle.write(save(self._ready().state_dict()))
        write_json(Path(folder) / "tagger.json", {"config": asdict(self.config), "words": list(self.index)})

    @classmethod
    def load(cls, folder: str | Path) -> DenoisingTagger:
        """Read back what `save` wrote."""
        settings = json.loads((Path(folder) / "tagger.json").read_text(encoding="utf-8"))
        given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in settings["config"].items()}
        tagger = cls(TaggerConfig(**given))
        tagger.index = {word: number for number, word in enumerate(settings["words"], start=UNKNOWN + 1)}
        tagger.network = _Network(len(tagger.index) + UNKNOWN + 1, tagger.config)
        tagger.network.load_state_dict(load_file(Path(folder) / "tagger.safetensors"))
        tagger.network.eval()
        return tagger


def pick(document: str, logits: np.ndarray, words: int, switch_cost: float) -> str:
    """The `words` words with the highest sum of logits, less `switch_cost` for each change between kept and dropped."""
    return " ".join(np.array(document.split(), dtype=object)[best_choice(logits, words, switch_cost)])


def best_choice(logits: np.ndarray, count: int, switch_cost: float) -> np.ndarray:
    """Which `count` of the places (L,) maximise Σ logits - switch_cost · changes, exactly; bool (L,).

    Viterbi over (kept?, number kept so far), so O(L · count).
    """
    count = min(max(count, 0), len(logits))
    best = np.full((2, count + 1), -np.inf)  # [dropped or kept, how many]
    best[:, 0] = 0  # either state may be the first, at no cost
    came = np.zeros((len(logits), 2, count + 1), bool)
    for place, logit in enumerate(logits):
        stay, change = best, best[::-1] - switch_cost
        came[place] = change > stay
        best = np.where(came[place], change, stay)
        best[1] = np.concatenate([[-np.inf], best[1, :-1] + logit])
    chosen = np.zeros(len(logits), bool)
    kept, left = int(best[1, count] > best[0, count]), count
    for place in reversed(range(len(logits))):
        chosen[place] = kept
        left -= kept
        kept ^= int(came[place, kept, left])
    return chosen
