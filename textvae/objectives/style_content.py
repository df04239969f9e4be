"""The objectives of the style-content autoencoder by name: one function, one weight, one row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

from torch import Tensor

from textvae.data.batch import Batch
from textvae.models.adversaries import AdversaryOutput
from textvae.models.style_content_vae import StyleContentOutput
from textvae.objectives.adversarial import ADVERSARIAL, AdversarialName, over_attributes
from textvae.objectives.clamping import group_distance
from textvae.objectives.latent import kl
from textvae.objectives.multitask import attribute_cross_entropy, bag_cross_entropy
from textvae.objectives.reconstruction import reconstruction
from textvae.objectives.schedules import Weight
from textvae.objectives.wgan_gp import CRITIC_LOSSES, GENERATOR_LOSSES, Compared, GeneratorLossName


@dataclass
class ObjectivesConfig:
    """J = λ_rec J_rec + Σ λ_kl J_kl + Σ λ_mul J_mul + Σ λ_adv J_adv, and for the adversaries J_dis_s + J_dis_c.

    With several attributes J_mul_s, J_kl_s, J_adv_s, J_dis_s, their like for a memory and J_style are sums over them.
    """

    J_rec: Weight = field(default_factory=Weight)
    """Reconstruction, nats per token."""
    J_kl_s: Weight = field(default_factory=lambda: Weight(0.03))
    """KL of the style space, nats per sentence."""
    J_kl_c: Weight = field(default_factory=lambda: Weight(0.03))
    """KL of the content space, nats per sentence."""
    J_mul_s: Weight = field(default_factory=lambda: Weight(10.0))
    """z_s must tell the style."""
    J_mul_c: Weight = field(default_factory=lambda: Weight(3.0))
    """z_c must tell the content words."""
    J_adv_s: Weight = field(default_factory=lambda: Weight(1.0))
    """z_c must not tell the style: entropy of the adversary."""
    J_adv_c: Weight = field(default_factory=lambda: Weight(0.03))
    """z_s must not tell the content words: entropy of the adversary."""
    J_group: Weight = field(default_factory=Weight)
    """Sentences of a group must look the same in the space that they share (`clamping`)."""
    J_gen_s: Weight = field(default_factory=Weight)
    """z_s must look like its prior to a critic (`model.style.kind` adversarial)."""
    J_gen_c: Weight = field(default_factory=Weight)
    """z_c must look like its prior to a critic (`model.content.kind` adversarial)."""
    J_critic_s: Weight = field(default_factory=Weight)
    """The critic of z_s itself."""
    J_critic_c: Weight = field(default_factory=Weight)
    """The critic of z_c itself."""
    J_gp_s: Weight = field(default_factory=lambda: Weight(10.0))
    """Its gradient penalty (Gulrajani et al. 2017: 10)."""
    J_gp_c: Weight = field(default_factory=lambda: Weight(10.0))
    """Its gradient penalty (Gulrajani et al. 2017: 10)."""
    J_mul_m: Weight = field(default_factory=Weight)
    """The classifier by whose attention a memory is scrubbed (`model.memory.scrub`)."""
    J_adv_m: Weight = field(default_factory=Weight)
    """A memory must not tell the style (`model.memory`)."""
    J_dis_m: Weight = field(default_factory=Weight)
    """The adversary that reads the style from a memory."""
    J_cycle: Weight = field(default_factory=lambda: Weight(0.0))
    """Back-translation: x from x̂, its own transfer (per token)."""
    J_style: Weight = field(default_factory=lambda: Weight(0.0))
    """A frozen classifier, the guide, must find the style asked for in x̂."""
    J_content: Weight = field(default_factory=lambda: Weight(0.0))
    """z_c of x̂ must be that of x."""
    J_match: Weight = field(default_factory=lambda: Weight(0.0))
    """z_s of x̂ must be the vector asked for."""
    J_lm: Weight = field(default_factory=lambda: Weight(0.0))
    """x̂ must please a frozen language model of the training sentences (per token)."""
    J_adv_x: Weight = field(default_factory=lambda: Weight(0.0))
    """A discriminator with a class for what is generated must take x̂ for a sentence of the style asked for."""
    J_content_features: Weight = field(default_factory=lambda: Weight(0.0))
    """A frozen encoder must see in x̂, on average over its words, what it sees in x (`transfer.features`)."""
    J_gram: Weight = field(default_factory=lambda: Weight(0.0))
    """The Gram matrix of its states over the words of x̂ must be that of sentences of the style asked for."""
    J_guide: Weight = field(default_factory=Weight)
    """The guide itself, on real sentences, before the transfers begin."""
    J_language: Weight = field(default_factory=Weight)
    """The language model itself, on real sentences, before the transfers begin (per token)."""
    J_dis_x: Weight = field(default_factory=Weight)
    """The discriminator itself."""
    J_dis_s: Weight = field(default_factory=Weight)
    """The adversary that reads the style from z_c."""
    J_dis_c: Weight = field(default_factory=Weight)
    """The adversary that reads the content words from z_s."""
    adversarial: AdversarialName = "entropy"
    """Form of J_adv: entropy (the paper's) or uniform, whose gradient does not vanish before a sure adversary."""

    def at(self, step: int) -> dict[str, float]:
        """Every weight in force at `step`."""
        return {f.name: getattr(self, f.name).at(step) for f in fields(self) if f.name.startswith("J_")}


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
