"""Classifiers: of vectors, and of sentences as words or points on the simplex, which a model can learn from."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.modules.attributes import LabelGroups, Sizes
from textvae.modules.config import EncoderConfig, StyleGuideConfig
from textvae.modules.encoders import build_encoder
from textvae.modules.noise import embed, exact


class Classifier(nn.Module):
    """Logits (B, K) from vectors (B, Z): linear (the paper's), or one hidden layer of `hidden` ReLU units.

    It ends in logits. A softmax here and another inside the loss, as in the released codes, flattens every gradient.
    """

    def __init__(self, input_size: int, classes: int, hidden: int = 0):
        super().__init__()
        first = [nn.Linear(input_size, hidden), nn.ReLU()] if hidden else []
        self.layers = nn.Sequential(*first, nn.Linear(hidden or input_size, classes))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class StyleHead(Classifier):
    """Logits (B, K_a) of each attribute from its own block of z_s (B, A · Z): linear, no attribute sees the others'."""

    def __init__(self, block_size: int, classes: Sizes):
        self.groups = LabelGroups.of(classes)
        super().__init__(block_size, self.groups.total)
        self.block_size = block_size

    def forward(self, z: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        linear = self.layers[0]
        assert isinstance(linear, nn.Linear)
        rows = (x.split(self.groups.sizes) for x in (linear.weight, linear.bias))
        return tuple(F.linear(*parts) for parts in zip(z.split(self.block_size, dim=1), *rows, strict=True))


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
