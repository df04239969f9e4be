"""The neural judge: a small convolutional network over words."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textvae.evaluation.judges.base import Example, Judge, check_all_seen, count_labels
from textvae.evaluation.sampling import chunks

PAD, UNKNOWN = 0, 1


@dataclass(frozen=True)
class CnnSettings:
    """Sizes and training of `CnnJudge`; the defaults take half a minute for 167k short sentences."""

    vocab_size: int = 20000
    embedding_size: int = 80
    widths: tuple[int, ...] = (1, 2, 3, 4)
    channels: int = 48
    dropout: float = 0.5
    word_dropout: float = 0.1
    learning_rate: float = 2e-3
    batch_size: int = 256
    """Sentences per update; a hundredth of the training set if that is less, but 32 at least."""
    max_epochs: int = 3
    min_updates: int = 600
    """At least so many updates, in more epochs if the data are few."""
    min_check: int = 50
    """Dev loss is taken twice an epoch, but at most every so many updates."""
    patience: int = 3
    """Stop after so many checks without a dev loss lower by .001."""
    max_tokens: int = 256


class TextCnn(nn.Module):
    """Embeddings, convolutions of several widths, maximum over time, linear layer (Kim 2014, section 2)."""

    def __init__(self, settings: CnnSettings, vocab_size: int, num_labels: int) -> None:
        super().__init__()
        size, self.widths = settings.embedding_size, settings.widths
        self.embedding = nn.Embedding(vocab_size, size, padding_idx=PAD)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(size, settings.channels, width, padding=width - 1) for width in settings.widths
        )
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(settings.channels * len(settings.widths), num_labels)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B, S) of words `ids` (B, L) padded with 0; nothing beyond `lengths` (B,) has influence."""
        embedded = self.embedding(ids).transpose(1, 2)
        pooled = []
        for convolution, width in zip(self.convolutions, self.widths, strict=True):
            maps = F.relu(convolution(embedded))  # (B, C, L + width - 1): every window that touches a word, and more
            windows = lengths + width - 1
            inside = torch.arange(maps.size(2)) < windows.clamp(min=1)[:, None]
            pooled.append((maps * inside[:, None]).amax(dim=2))  # maps are not negative, so 0 never wins wrongly
        return self.output(self.dropout(torch.cat(pooled, dim=1)))


class CnnJudge(Judge):
    """`TextCnn` on the CPU: Adam, label-balanced cross-entropy, the state with the best dev loss is kept.

    Same data, seed and thread count give the same judge; the global random state of torch is left as it was.
    """

    name: ClassVar[str] = "cnn"

    def __init__(self, num_labels: int, seed: int = 0, settings: CnnSettings | None = None) -> None:
        super().__init__(num_labels, seed)
        self.settings = settings or CnnSettings()
        self._build([])

    def _build(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self.index = {word: number for number, word in enumerate(self.words, start=2)}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.network = TextCnn(self.settings, len(self.words) + 2, self.num_labels).eval()

    def _encode(self, text: str) -> list[int]:
        return [self.index.get(word, UNKNOWN) for word in text.split()[: self.settings.max_tokens]]

    def _fit(self, train: Iterable[Example], dev: Sequence[Example]) -> None:
        pairs = list(train)
        labels = np.asarray([label for _, label in pairs], np.int64)
        counts = check_all_seen(count_labels(labels, self.num_labels))
        words = Counter(word for text, _ in pairs for word in text.split())
        frequent = [word for word, count in words.most_common(self.settings.vocab_size) if count > 1]
        self._build(frequent)
        weight = torch.tensor(len(labels) / (self.num_labels * counts), dtype=torch.float32)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self._train([self._encode(text) for text, _ in pairs], torch.from_numpy(labels), weight, dev)

    def _train(self, sentences: list[list[int]], labels: Tensor, weight: Tensor, dev: Sequence[Example]) -> None:
        optimizer = torch.optim.Adam(self.network.parameters(), lr=self.settings.learning_rate, fused=True)
        size = min(self.settings.batch_size, max(32, len(sentences) // 100))
        per_epoch = -(-len(sentences) // size)
        last = max(self.settings.max_epochs * per_epoch, self.settings.min_updates)
        check = max(per_epoch // 2, self.settings.min_check)
        best, best_state, bad = float("inf"), copy.deepcopy(self.network.state_dict()), 0
        for number, rows in enumerate(islice(_batches(sentences, size), last), start=1):
            self._update(optimizer, [sentences[row] for row in rows], labels[rows], weight)
            if number % check == 0 or number == last:
                loss = self._dev_loss(dev)
                bad = 0 if loss < best - 1e-3 else bad + 1
                if loss < best or not dev:  # without a dev part the last state is kept
                    best, best_state = loss, copy.deepcopy(self.network.state_dict())
                if bad >= self.settings.patience and dev:
                    break
        self.network.load_state_dict(best_state)

    def _update(
        self, optimizer: torch.optim.Optimizer, sentences: list[list[int]], labels: Tensor, weight: Tensor
    ) -> None:
        self.network.train()
        ids, lengths = pad(sentences)
        blank = (torch.rand(ids.shape) < self.settings.word_dropout) & (ids != PAD)
        optimizer.zero_grad()
        logits = self.network(ids.masked_fill(blank, UNKNOWN), lengths)
        F.cross_entropy(logits, labels, weight).backward()
        optimizer.step()
        self.network.eval()

    def _dev_loss(self, dev: Sequence[Example]) -> float:
        if not dev:
            return 0.0
        texts, labels = zip(*dev, strict=True)
        chosen = self.probabilities(texts)[np.arange(len(dev)), np.asarray(labels)]
        return float(-np.log(np.maximum(chosen, 1e-12)).mean())

    @torch.no_grad()
    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        result = np.zeros((len(texts), self.num_labels), np.float32)
        encoded = [self._encode(text) for text in texts]
        for rows in chunks(sorted(range(len(texts)), key=lambda row: len(encoded[row])), 512):
            result[rows] = self.network(*pad([encoded[row] for row in rows])).softmax(dim=1).numpy()
        return result

    def _arrays(self) -> dict[str, np.ndarray]:
        return {key: value.numpy() for key, value in self.network.state_dict().items()}

    def describe(self) -> dict[str, Any]:
        return {"settings": asdict(self.settings), "words": list(self.words)}

    def _restore(self, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        stored = settings["settings"]
        self.settings = CnnSettings(**(stored | {"widths": tuple(stored["widths"])}))
        self._build(settings["words"])
        self.network.load_state_dict({key: torch.from_numpy(value) for key, value in arrays.items()})


def pad(sentences: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Word ids (B, L >= 1) int64 padded with 0, and lengths (B,)."""
    lengths = torch.tensor([len(sentence) for sentence in sentences])
    longest = max(1, int(lengths.max()))
    ids = torch.tensor([[*sentence, *([PAD] * (longest - len(sentence)))] for sentence in sentences])
    return ids, lengths


def _batches(sentences: list[list[int]], size: int) -> Iterator[list[int]]:
    """Row numbers of batches, epoch after epoch without end; similar lengths share a batch."""
    while True:
        batches: list[list[int]] = []
        for pool in chunks(torch.randperm(len(sentences)).tolist(), 50 * size):
            batches.extend(chunks(sorted(pool, key=lambda row: len(sentences[row])), size))
        yield from (batches[number] for number in torch.randperm(len(batches)).tolist())
