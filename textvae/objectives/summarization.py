"""The objectives of the summarizer by name: one weight and one row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

from torch import Tensor

from textvae.objectives.schedules import Weight


def per_word(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the words of each text: (B, L) and mask (B, L) → (B,), 0 for a text without words.

    A long document then weighs no more than a short one.
    """
    return values.where(mask, 0.0).sum(1) / mask.sum(1).clamp(min=1)


@dataclass(frozen=True)
class Outputs:
    """What one phase has computed on a batch: values[J] (B,), one number an example."""

    values: Mapping[str, Tensor]


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


def _read(name: str) -> Callable[[Outputs], Tensor]:
    return lambda outputs: outputs.values[name]


OBJECTIVES: dict[str, Callable[[Outputs], Tensor]] = {f.name: _read(f.name) for f in fields(SummarizationObjectives)}
