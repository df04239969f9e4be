"""Weights that change with the step (pure functions, so nothing of them is saved), and the weights of each task."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Literal

from textvae.errors import UserError

ScheduleName = Literal["constant", "linear", "tanh", "cyclical"]


def constant(progress: float) -> float:
    """1 from the first step on."""
    return 1.0


def linear(progress: float) -> float:
    """progress, up to 1 (Bowman et al. 2016, sec. 3.1, in its linear form)."""
    return min(progress, 1.0)


def tanh(progress: float) -> float:
    """½ (1 + tanh(6 progress − 3)) rescaled to run from exactly 0 to exactly 1.

    The S-curve of the authors' code: slow, steep half way, slow. Theirs stayed near 0 for ever by an off-by-one in
    the step; the laws check steps 0, K − 1 and K.
    """
    if progress >= 1.0:
        return 1.0
    return 0.5 * (1.0 + math.tanh(6.0 * progress - 3.0) / math.tanh(3.0))


def cyclical(progress: float) -> float:
    """Rises over the first half of every cycle, then stays 1 (Fu et al. 2019, eq. 6 with R = ½)."""
    return min(2.0 * (progress % 1.0), 1.0)


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "linear": linear,
    "tanh": tanh,
    "cyclical": cyclical,
}


@dataclass
class Weight:
    """λ of one objective and how it gets there."""

    weight: float = 1.0
    """λ. 0 switches the objective off; it is still computed and logged."""
    schedule: ScheduleName = "constant"
    """constant; linear, tanh: from 0 to λ over `steps`; cyclical: again and again, a cycle of `steps`."""
    steps: int = 0
    """K: steps until λ is reached, or the length of a cycle."""
    start: int = 0
    """Steps during which the weight is 0 before the schedule begins."""

    def __post_init__(self) -> None:
        if self.schedule != "constant" and self.steps < 1:
            raise UserError(f"schedule {self.schedule!r} needs steps >= 1, not {self.steps}")
        if self.start < 0:
            raise UserError(f"a schedule cannot start at step {self.start}")

    def at(self, step: int) -> float:
        """The weight in force at `step`, counted from 0: 0 at step `start`, λ at step `start + steps`."""
        if step < self.start:
            return 0.0
        progress = (step - self.start) / self.steps if self.steps else 1.0
        return self.weight * SCHEDULES[self.schedule](progress)


GeneratorLossName = Literal["non_saturating", "saturating", "wasserstein"]


LanguagePriorName = Literal["forward", "reverse"]


AdversarialName = Literal["entropy", "uniform"]


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


@dataclass
class SentenceObjectives:
    """J = λ_rec J_rec + λ_kl J_kl + λ_bow J_bow (nats a sentence) + λ_gen J_gen; a critic has J_critic + λ_gp J_gp."""

    J_rec: Weight = field(default_factory=Weight)
    """Reconstruction."""
    J_kl: Weight = field(default_factory=Weight)
    """The latent's penalty, for a Gaussian its KL; the weight is β."""
    J_bow: Weight = field(default_factory=lambda: Weight(0.0))
    """The words of the sentence from z alone (`model.bag_of_words`)."""
    J_gen: Weight = field(default_factory=lambda: Weight(10.0))
    """z must look like the prior to the critic (`model.latent.kind` adversarial; DAAE, Shen et al. 2020: 10)."""
    J_critic: Weight = field(default_factory=Weight)
    """The critic of an adversarial prior itself."""
    J_gp: Weight = field(default_factory=lambda: Weight(10.0))
    """Its gradient penalty (Gulrajani et al. 2017: 10)."""

    def at(self, step: int) -> dict[str, float]:
        """Every weight in force at `step`."""
        return {f.name: getattr(self, f.name).at(step) for f in fields(self)}


@dataclass
class SummarizationObjectives:
    """Weights of every term, by the phase that descends it.

    language: J_language. denoise: J_denoise, J_cov. back: J_back, J_cov. reader: J_rec. critic: J_critic, J_gp.
    generator: J_gen, J_rec_g, J_pg, J_lm, J_topic, J_len, J_cov.
    """

    J_language: Weight = field(default_factory=Weight)
    """Nats per word of human texts under the language model that later is the prior of J_lm."""
    J_denoise: Weight = field(default_factory=Weight)
    """Nats per word of a human text given its noised version (Wang & Lee 2018, sec. 4.4, their pretraining)."""
    J_back: Weight = field(default_factory=Weight)
    """Nats per word of a human text given the document that the reconstructor writes for it (back-translation)."""
    J_rec: Weight = field(default_factory=Weight)
    """Nats per word of a document given its summary: what the reconstructor learns (Wang & Lee 2018, eq. 1)."""
    J_critic: Weight = field(default_factory=Weight)
    """The critic's own loss, by `adversarial.loss` (Wang & Lee 2018, eq. 2)."""
    J_gp: Weight = field(default_factory=lambda: Weight(10.0))
    """Gradient penalty of the critic (Gulrajani et al. 2017, eq. 3)."""
    J_gen: Weight = field(default_factory=Weight)
    """What the critic tells the generator, through soft or straight-through words (Wang & Lee 2018, eq. 3)."""
    J_rec_g: Weight = field(default_factory=Weight)
    """Reconstruction as the generator feels it, through straight-through words."""
    J_pg: Weight = field(default_factory=Weight)
    """Policy gradient of critic and reconstruction rewards (Wang & Lee 2018, sec. 4.3; estimator reinforce only)."""
    J_lm: Weight = field(default_factory=lambda: Weight(0.1))
    """Divergence of the generator's words from the language model's (SEQ3, Baziotis et al. 2019)."""
    J_topic: Weight = field(default_factory=Weight)
    """1 − cosine of the IDF-weighted word vectors of document and summary (SEQ3)."""
    J_len: Weight = field(default_factory=lambda: Weight(0.01))
    """−log p(</s>) past the wanted length (SEQ3)."""
    J_cov: Weight = field(default_factory=lambda: Weight(0.1))
    """Coverage: attending again to the same words (See et al. 2017, eq. 12)."""

    def at(self, step: int) -> dict[str, float]:
        """Every weight in force at `step`."""
        return {f.name: getattr(self, f.name).at(step) for f in fields(self)}
