"""The vectors of styles: what a label means in the style space, and how far a transfer goes towards it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textvae.models.sentence_model import SentenceModel
from textvae.modules.attributes import LabelGroups
from textvae.modules.latents import Latent


class StyleVectors(SentenceModel):
    """Target vectors of a model with a style space z_s = [z_1; ...; z_A], a block for each of A attributes."""

    groups: LabelGroups
    style_latent: Latent
    style_means: Tensor

    def add_style_means(self) -> None:
        """The paper's target vectors: mean posterior mean of each label's training sentences (of its attribute's
        block), set by `set_style_means`."""
        self.register_buffer("style_means", torch.zeros(self.groups.total, self.style_latent.config.size))

    def reset_style_means(self) -> None:
        """Before any sentence is known."""
        nn.init.zeros_(self.style_means)

    @property
    def style_vectors(self) -> Tensor:
        """(S, Zs / A): the learnt prior means, or under a standard prior the mean posterior mean of each label."""
        means: Tensor | None = getattr(self.style_latent, "prior_means", None)
        return self.style_means if means is None else means

    def style_vector(self, label: int | Tensor, strength: float | None = None) -> Tensor:
        """Target style of the one attribute's label (Zs,), or of labels (B,) or (B, A) (B, Zs), by `at_strength`."""
        vectors = self.style_vectors
        vector = vectors[label] if isinstance(label, int) else self.groups.joined(vectors, label)
        return self.at_strength(vector, strength)

    def at_strength(self, vector: Tensor, strength: float | None = None) -> Tensor:
        """m̄ + strength · (vector − m̄) for styles (..., Zs), where m̄ is the mean over the labels of each attribute.

        Strength 1 is the style itself, 0 a neutral one, above 1 an exaggeration; None the one chosen on dev.
        """
        strength = self.config.transfer_strength if strength is None else strength
        centre = self.groups.centre(self.style_vectors)
        return centre + strength * (vector - centre)

    @torch.no_grad()
    def set_style_means(self, sums: Tensor, counts: Tensor) -> None:
        """Store Σ μ_s (S, Zs / A) over counts (S,) of training sentences: means of *means*, not of noisy samples."""
        self.style_means.copy_(sums / counts.clamp(min=1)[:, None])
