"""The objectives of the sentence autoencoder by name: one function, one weight, one row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from textvae.data.batch import Batch
from textvae.models.sentence_vae import SentenceOutput
from textvae.objectives.config import GeneratorLossName
from textvae.objectives.latent import kl
from textvae.objectives.wgan_gp import CRITIC_LOSSES, GENERATOR_LOSSES, Compared


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


@dataclass(frozen=True)
class SentenceOutputs:
    """What one phase has computed on one batch.

    fake: (B,) the critic's scores of z, attached to the model; game: what the critic compares in update `number`.
    """

    batch: Batch
    model: SentenceOutput
    fake: Tensor | None = None
    game: Compared | None = None
    number: int = 0
    loss: GeneratorLossName = "wasserstein"


def _bag(outputs: SentenceOutputs) -> Tensor:
    assert outputs.model.bag_logits is not None, "this model has no layer for J_bow"
    return bag_of_words(outputs.model.bag_logits, outputs.batch.labels)


def _game(outputs: SentenceOutputs) -> Compared:
    assert outputs.game is not None, "no critic in this phase"
    return outputs.game


def _fake(outputs: SentenceOutputs) -> Tensor:
    assert outputs.fake is not None, "this latent has no critic"
    return outputs.fake


SENTENCE_OBJECTIVES: dict[str, Callable[[SentenceOutputs], Tensor]] = {
    "J_rec": lambda o: sentence_reconstruction(o.model.token_nll),
    "J_kl": lambda o: kl(o.model.latent),
    "J_bow": _bag,
    "J_gen": lambda o: GENERATOR_LOSSES[o.loss](_fake(o)),
    "J_critic": lambda o: CRITIC_LOSSES[o.loss](_game(o).real, _game(o).fake),
    "J_gp": lambda o: _game(o).penalty,
}
