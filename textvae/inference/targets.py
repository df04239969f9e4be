"""What style is wanted: a label's own vector, or that of sentences that have it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from textvae.models.style_content_vae import StyleContentVAE
from textvae.modules.relaxations import exact


@dataclass(frozen=True)
class StyleTarget:
    """vector: (Zs,) the style at strength 1. shares: (S,) of the labels in it; label: the largest of them.

    named: whether people named the label; an exemplar's is a guess of the model's style head.
    """

    vector: Tensor
    shares: Tensor
    label: int
    named: bool

    def at(self, model: StyleContentVAE, strength: float | None) -> Tensor:
        """(Zs,) by `StyleContentVAE.at_strength`."""
        return model.at_strength(self.vector, strength)


def of_label(model: StyleContentVAE, label: int) -> StyleTarget:
    """The style of a label."""
    vectors = model.style_vectors
    shares = torch.zeros(len(vectors), dtype=vectors.dtype, device=vectors.device)
    shares[label] = 1.0
    return StyleTarget(vectors[label], shares, label, named=True)


def of_exemplars(model: StyleContentVAE, z_s: Tensor) -> StyleTarget:
    """The mean style of sentences with posterior means z_s (N, Zs)."""
    vector = z_s.mean(0)
    shares = exact(model.style_head(vector[None].to(model.style_vectors.dtype))).softmax(-1)[0]
    return StyleTarget(vector, shares, int(shares.argmax()), named=False)
