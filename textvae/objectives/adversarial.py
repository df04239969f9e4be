"""J_adv_s, J_adv_c: what each space must not know."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torch import Tensor

from textvae.objectives.config import AdversarialName


def negative_entropy(logits: Tensor) -> Tensor:
    """J_adv = −H(y) = Σ_k y_k log y_k, y = softmax(logits)  (John et al. 2019, eq. 6 with its sign turned).

    The paper maximises the adversary's entropy; every J here is minimised, so the sign is written once, here.
    logits: (B, K) from a *frozen* adversary: the gradient passes through it into the latent. Returns (B,) nats in
    [−log K, 0]; −log K means that the adversary knows nothing.
    """
    log_y = (logits.float() if logits.element_size() < 4 else logits).log_softmax(1)
    return (log_y.exp() * log_y).sum(1)


def uniform_cross_entropy(logits: Tensor) -> Tensor:
    """J_adv = KL(uniform ‖ y) = −(1/K) Σ_k log y_k − log K, y = softmax(logits).

    Not the paper's. Its minimum is the same, but its gradient grows as the adversary becomes sure, where the entropy's
    vanishes: an adversary that wins can still be fooled. logits: (B, K). Returns (B,) nats, at least 0.
    """
    log_y = (logits.float() if logits.element_size() < 4 else logits).log_softmax(1)
    return -log_y.mean(1) - math.log(logits.shape[1])


ADVERSARIAL: dict[str, Callable[[Tensor], Tensor]] = {"entropy": negative_entropy, "uniform": uniform_cross_entropy}


def over_attributes(name: AdversarialName, logits: Sequence[Tensor]) -> Tensor:
    """Σ_a J_adv of the logits (B, K_a) of each attribute, (B,) nats: every attribute weighs as the only one would."""
    losses = [ADVERSARIAL[name](x) for x in logits]
    return sum(losses[1:], losses[0])
