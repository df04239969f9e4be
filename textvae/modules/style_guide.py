"""A classifier of sentences that a model can learn from: it reads words or points on the simplex."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from textvae.errors import UserError
from textvae.modules.attributes import LabelGroups, Sizes
from textvae.modules.encoders import EncoderConfig, build_encoder
from textvae.modules.relaxations import embed, exact


@dataclass
class StyleGuideConfig:
    """Size of the classifier that guides the training of transfers and ranks candidates."""

    embedding_size: int = 96
    """Width E of a word."""
    size: int = 96
    """Width of a state in each direction."""
    dropout: float = 0.3
    """Dropout of embeddings and of the pooled states."""
    word_dropout: float = 0.1
    """Share of the words that it does not see while it learns, so that it does not trust a single one."""

    def __post_init__(self) -> None:
        if min(self.embedding_size, self.size) < 1:
            raise UserError("guide.embedding_size and .size must be at least 1")
        if not (0 <= self.dropout < 1 and 0 <= self.word_dropout < 1):
            raise UserError("guide.dropout and .word_dropout must be in [0, 1)")


class StyleGuide(nn.Module):
    """Logits (B, K) of a sentence given as ids (B, L) or as points (B, L, V'): a bidirectional GRU under maxima.

    classes: of one attribute, or of each of several, whose logits stand one after the other (`groups`).

    A network of another kind than the judges that report (n-grams and convolutions), trained on its own: what learns
    to please this one must still convince those. mask: (B, L) bool, the words that count, from the first on.
    """

    def __init__(self, config: StyleGuideConfig, vocab_size: int, classes: Sizes):
        super().__init__()
        self.config, self.groups = config, LabelGroups.of(classes)
        self.embedding = nn.Embedding(vocab_size, config.embedding_size)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.encoder = build_encoder(EncoderConfig(kind="gru", size=config.size), config.embedding_size)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(2 * config.size, self.groups.total)

    def states(self, sequence: Tensor, mask: Tensor) -> Tensor:
        """What it makes of every word, (B, L, 2 · size), zero at padding."""
        embedded = self.dropout(embed(sequence, self.embedding)) * self.kept(mask)[..., None]
        return exact(self.encoder(embedded, mask).states)

    def forward(self, sequence: Tensor, mask: Tensor) -> Tensor:
        states = self.states(sequence, mask)
        pooled = states.masked_fill(~mask[..., None], -1.0).amax(1)  # a state of a GRU lies above −1
        return self.output(self.dropout(pooled).to(self.output.weight.dtype))

    def log_probs(self, sequence: Tensor, mask: Tensor) -> Tensor:
        """log p of every label among those of its attribute, (B, K) nats."""
        logits = self.groups.split(self(sequence, mask))
        return torch.cat([exact(x).log_softmax(-1) for x in logits], dim=-1)

    def kept(self, mask: Tensor) -> Tensor:
        """mask (B, L) without the words that are dropped in training."""
        if self.dropout.training and self.config.word_dropout:
            return mask & (torch.rand(mask.shape, device=mask.device) >= self.config.word_dropout)
        return mask
