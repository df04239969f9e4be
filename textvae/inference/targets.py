"""What style is wanted: labels' own vectors, or that of sentences that have it; and what a text keeps of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from textvae.models.style_content_vae import StyleContentVAE
from textvae.modules.attributes import LabelGroups
from textvae.modules.noise import exact

Keep = Literal["label", "latent"]
"""How an attribute that is not asked for is kept: by the vector of the label that the style head finds in the sentence,
or by the sentence's own z."""


@dataclass(frozen=True)
class StyleTarget:
    """vector: (Zs,) the style at strength 1. shares: (S,) of the labels in it; label: the largest of them.

    labels: {attribute: label} as people named them; an exemplar's are a guess of the model's style head, so none are
    named. kept: (Zs,) bool, the blocks of z_s of the attributes that stay as they are in the sentence; None: no block.
    """

    vector: Tensor
    shares: Tensor
    label: int
    labels: Mapping[int, int] = field(default_factory=dict)
    kept: Tensor | None = None

    @property
    def named(self) -> bool:
        """Whether people named a label."""
        return bool(self.labels)

    def at(self, model: StyleContentVAE, strength: float | None) -> Tensor:
        """(Zs,) by `StyleContentVAE.at_strength`."""
        return model.at_strength(self.vector, strength)

    def of_sentences(self, styles: Tensor, own: Tensor | None, count: int) -> Tensor:
        """Styles (M, Zs) for `count` = B sentences: (B · M, Zs), the blocks that are kept from their `own` (B, Zs)."""
        if self.kept is None or own is None:
            return styles.repeat(count, 1)
        return torch.where(self.kept, own[:, None], styles[None]).flatten(0, 1)

    def wanted(self, groups: LabelGroups, own: Tensor | None) -> Tensor:
        """Shares of the labels wanted: (S,), or (B, S) where sentences keep some of their `own` labels (B, A)."""
        if self.kept is None or own is None:
            return self.shares
        kept = [attribute for attribute in range(len(groups)) if attribute not in self.labels]
        return self.shares.to(own.device).repeat(len(own), 1).scatter(1, groups.rows(own)[:, kept], 1.0)


def of_label(model: StyleContentVAE, label: int) -> StyleTarget:
    """The style of a label of the one attribute."""
    return of_labels(model, {0: label})


def of_labels(model: StyleContentVAE, labels: Mapping[int, int]) -> StyleTarget:
    """The style of labels by attribute; attributes without one are kept."""
    vectors, groups = model.style_vectors, model.groups
    rows = [groups.offsets[attribute] + label for attribute, label in labels.items()]
    shares = torch.zeros(len(vectors), dtype=vectors.dtype, device=vectors.device)
    shares[rows] = 1.0
    wanted = torch.tensor([[labels.get(attribute, 0) for attribute in range(len(groups))]], device=vectors.device)
    kept = None
    if len(labels) < len(groups):
        blocks = torch.tensor([attribute not in labels for attribute in range(len(groups))], device=vectors.device)
        kept = blocks.repeat_interleave(vectors.shape[1])
    return StyleTarget(groups.joined(vectors, wanted)[0], shares, rows[0], labels, kept)


def of_exemplars(model: StyleContentVAE, z_s: Tensor) -> StyleTarget:
    """The mean style of sentences with posterior means z_s (N, Zs)."""
    vector = z_s.mean(0)
    logits = model.style_head(vector[None].to(model.style_vectors.dtype))
    shares = torch.cat([exact(x).softmax(-1)[0] for x in logits])
    return StyleTarget(vector, shares, int(shares.argmax()))


def own_labels(model: StyleContentVAE, z_s: Tensor) -> Tensor:
    """(B, A) the labels that the style head finds in sentences with posterior means z_s (B, Zs)."""
    return torch.stack([logits.argmax(1) for logits in model.style_head(z_s.to(model.style_vectors.dtype))], dim=1)


def own_style(model: StyleContentVAE, z_s: Tensor, keep: Keep, labels: Tensor | None = None) -> Tensor:
    """(B, Zs) the style by which a sentence with posterior mean z_s (B, Zs) keeps what it has.

    labels: (B, A) its `own_labels`, where they are known.
    """
    if keep == "latent":
        return z_s
    labels = own_labels(model, z_s) if labels is None else labels
    return model.groups.joined(model.style_vectors, labels).to(z_s.dtype)
