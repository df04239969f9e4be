"""The objectives of the sentence autoencoder by name: one function, one weight, one row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields

from torch import Tensor

from textvae.data.batch import Batch
from textvae.models.sentence_vae import SentenceOutput
from textvae.objectives.latent import kl
from textvae.objectives.schedules import Weight


def sentence_reconstruction(token_nll: Tensor) -> Tensor:
    """J_rec = −log p(x | z) = −Σ_t log p(x_t | z, x_<t)  (Bowman et al. 2016, eq. 1).

    token_nll: (B, L) nats, 0 at padding. Returns (B,) nats per sentence: with J_kl at weight 1 their sum is the
    negative evidence lower bound, and the weight of J_kl is the β of the literature.
    """
    return token_nll.sum(1)


def bag_of_words(logits: Tensor, labels: Tensor) -> Tensor:
    """J_bow = −Σ_t log softmax(W z + b)[x_t]  (Zhao et al. 2017, sec. 3.3): the words of x from z, in any order.

    logits: (B, V) from z alone; labels: (B, L), −100 where there is no word. Returns (B,) nats per sentence.
    """
    log_probs = (logits.float() if logits.element_size() < 4 else logits).log_softmax(1)
    valid = labels >= 0
    return -(log_probs.gather(1, labels.clamp(min=0)) * valid).sum(1)


@dataclass
class SentenceObjectives:
    """J = λ_rec J_rec + λ_kl J_kl + λ_bow J_bow, all in nats per sentence."""

    J_rec: Weight = field(default_factory=Weight)
    """Reconstruction."""
    J_kl: Weight = field(default_factory=Weight)
    """The latent's penalty, for a Gaussian its KL; the weight is β."""
    J_bow: Weight = field(default_factory=lambda: Weight(0.0))
    """The words of the sentence from z alone (`model.bag_of_words`)."""

    def at(self, step: int) -> dict[str, float]:
        """Every weight in force at `step`."""
        return {f.name: getattr(self, f.name).at(step) for f in fields(self)}


@dataclass(frozen=True)
class SentenceOutputs:
    """What one phase has computed on one batch."""

    batch: Batch
    model: SentenceOutput


def _bag(outputs: SentenceOutputs) -> Tensor:
    assert outputs.model.bag_logits is not None, "this model has no layer for J_bow"
    return bag_of_words(outputs.model.bag_logits, outputs.batch.labels)


SENTENCE_OBJECTIVES: dict[str, Callable[[SentenceOutputs], Tensor]] = {
    "J_rec": lambda o: sentence_reconstruction(o.model.token_nll),
    "J_kl": lambda o: kl(o.model.latent),
    "J_bow": _bag,
}
