"""J_mul_s, J_mul_c: what each space must know."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from textvae.modules.attributes import columns


def style_cross_entropy(logits: Tensor, style: Tensor) -> Tensor:
    """J_mul_s = −Σ_l t_s(l) log y_s(l), y_s = softmax(W z_s + b)  (John et al. 2019, eq. 3).

    logits: (B, S), style: (B,) label index. Returns (B,) nats. With logits read from z_c by an adversary the same sum
    is J_dis_s (eq. 5).
    """
    return F.cross_entropy(logits.float() if logits.element_size() < 4 else logits, style, reduction="none")


def attribute_cross_entropy(logits: Sequence[Tensor], style: Tensor) -> Tensor:
    """Σ_a −log y_a(t_a): `style_cross_entropy` summed over A attributes, so that each weighs as the only one would.

    logits: (B, K_a) of each attribute; style: (B,) with one, (B, A) with several. Returns (B,) nats.
    """
    losses = [style_cross_entropy(x, labels) for x, labels in zip(logits, columns(style), strict=True)]
    return sum(losses[1:], losses[0])


def bag_cross_entropy(logits: Tensor, bag_ids: Tensor, bag_weights: Tensor) -> Tensor:
    """J_mul_c = −Σ_w t_c(w) log y_c(w), y_c = softmax(W z_c + b)  (John et al. 2019, eq. 4).

    logits: (B, W); bag_ids, bag_weights: (B, L) the non-zero entries of t_c. t_c are the counts of content words
    (no stop word, style word or special token) divided by their sum. Returns (B,) nats, 0 for a sentence without
    content words. With logits read from z_s by an adversary the same sum is J_dis_c (sec. 3.3.2).

    Computed as Σ_w t_c(w) · logsumexp − Σ_w t_c(w) logit(w): the dense (B, W) target is never made.
    """
    logits = logits.float() if logits.element_size() < 4 else logits
    picked = (logits.gather(1, bag_ids) * bag_weights).sum(1)
    return logits.logsumexp(1) * bag_weights.sum(1) - picked
