"""The objectives of the style-content autoencoder by name: one function, one weight, one row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from textvae.data.batch import Batch
from textvae.models.adversaries import AdversaryOutput
from textvae.models.style_content_vae import StyleContentOutput
from textvae.objectives.adversarial import ADVERSARIAL, over_attributes
from textvae.objectives.clamping import group_distance
from textvae.objectives.config import AdversarialName, GeneratorLossName
from textvae.objectives.latent import kl
from textvae.objectives.multitask import attribute_cross_entropy, bag_cross_entropy
from textvae.objectives.reconstruction import reconstruction
from textvae.objectives.wgan_gp import CRITIC_LOSSES, GENERATOR_LOSSES, Compared


@dataclass(frozen=True)
class Outputs:
    """What one phase has computed on one batch; adversarial: the form of J_adv.

    Where a space has an adversarial prior, by the ending of its terms (`_s`, `_c`): fakes, (B,) its critic's scores of
    z, attached to the model; games, what the critic compares in update `number`, by `loss`.
    """

    batch: Batch
    model: StyleContentOutput
    adversaries: AdversaryOutput
    adversarial: AdversarialName = "entropy"
    fakes: Mapping[str, Tensor] = field(default_factory=dict)
    games: Mapping[str, Compared] = field(default_factory=dict)
    number: int = 0
    loss: GeneratorLossName = "wasserstein"


Objective = Callable[[Outputs], Tensor]

OBJECTIVES: dict[str, Objective] = {
    "J_rec": lambda o: reconstruction(o.model.token_nll),
    "J_kl_s": lambda o: kl(o.model.latents.style),
    "J_kl_c": lambda o: kl(o.model.latents.content),
    "J_mul_s": lambda o: attribute_cross_entropy(o.model.style_logits, o.batch.style),
    "J_mul_c": lambda o: bag_cross_entropy(o.model.bag_logits, o.batch.bag_ids, o.batch.bag_weights),
    "J_adv_s": lambda o: over_attributes(o.adversarial, o.adversaries.style_logits),
    "J_adv_c": lambda o: ADVERSARIAL[o.adversarial](o.adversaries.bag_logits),
    "J_dis_s": lambda o: attribute_cross_entropy(o.adversaries.style_logits, o.batch.style),
    "J_dis_c": lambda o: bag_cross_entropy(o.adversaries.bag_logits, o.batch.bag_ids, o.batch.bag_weights),
}


def _given(logits: tuple[Tensor, ...] | None) -> tuple[Tensor, ...]:
    assert logits is not None, "this model has no such memory"
    return logits


def _scrubbing(outputs: Outputs) -> tuple[Tensor, ...]:
    remembered = outputs.model.latents.remembered
    assert remembered is not None, "this model has no memory"
    return _given(remembered.logits)


MEMORY_OBJECTIVES: dict[str, Objective] = {
    "J_mul_m": lambda o: attribute_cross_entropy(_scrubbing(o), o.batch.style),
    "J_adv_m": lambda o: over_attributes(o.adversarial, _given(o.adversaries.memory_logits)),
    "J_dis_m": lambda o: attribute_cross_entropy(_given(o.adversaries.memory_logits), o.batch.style),
}
"""Terms of a model whose decoder looks back at the sentence."""


def _apart(outputs: Outputs) -> Tensor:
    apart = outputs.model.latents.apart
    return outputs.model.token_nll.new_zeros(len(outputs.batch)) if apart is None else group_distance(apart)


GROUP_OBJECTIVES: dict[str, Objective] = {"J_group": _apart}
"""Terms of sentences in groups; 0 in batches of single ones."""


def _game(space: str) -> dict[str, Objective]:
    """J_gen, J_critic and J_gp of a space."""
    return {
        f"J_gen{space}": lambda o: GENERATOR_LOSSES[o.loss](o.fakes[space]),
        f"J_critic{space}": lambda o: CRITIC_LOSSES[o.loss](o.games[space].real, o.games[space].fake),
        f"J_gp{space}": lambda o: o.games[space].penalty,
    }


PRIOR_OBJECTIVES: dict[str, Objective] = {**_game("_s"), **_game("_c")}
"""Terms of adversarial priors."""
MODEL_TERMS = ("J_rec", "J_kl_s", "J_kl_c", "J_mul_s", "J_mul_c", "J_adv_s", "J_adv_c")
ADVERSARY_TERMS = ("J_dis_s", "J_dis_c")
