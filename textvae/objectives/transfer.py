"""What a transfer is worth, for a training without pairs: J_cycle, J_style, J_content, J_match, J_lm, J_adv_x,
J_content_features, J_gram.

x̂ is what the model wrote for x in another style t. Its words are read as points on the simplex, so that a gradient
reaches the decoder through them; guide, language model and discriminator are frozen while the model learns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from textvae.modules.attributes import columns
from textvae.modules.frozen_features import gram, mean_state
from textvae.modules.noise import exact
from textvae.objectives.config import LanguagePriorName
from textvae.objectives.multitask import attribute_cross_entropy, style_cross_entropy
from textvae.objectives.prior import LANGUAGE_PRIORS


def squared_distance(ours: Tensor, theirs: Tensor) -> Tensor:
    """J_content, J_match = ‖a − b‖², a: z_c or z_s of x̂, b: what it should be. (B, Z) and (B, Z) → (B,)."""
    return (exact(ours) - exact(theirs)).square().sum(1)


def cycle(token_nll: Tensor, weight: Tensor) -> Tensor:
    """J_cycle = −w Σ_t log p(x_t | x_<t, z_c(x̂), style of x)  (Lample et al. 2019, eq. 2; RACoLN, Lee et al. 2021).

    token_nll: (B, L) nats, 0 at padding; weight: (B,) in [0, 1], how far x̂ is to be trusted. Returns (B, L).
    """
    return token_nll * weight[:, None]


def against_generated(real: Sequence[Tensor], style: Tensor, fake: Sequence[Tensor]) -> Tensor:
    """J_dis_x = Σ_a ½ (−log D_a(style | x) − log D_a(generated | x̂))  (Style Transformer, Dai et al. 2019, sec. 3.3.2).

    real, fake: (B, K_a + 1) logits of each attribute, the last class being "generated"; style: (B,) or (B, A). Returns
    (B,) nats. The paper has one attribute; every other one weighs as much.
    """
    losses = [
        0.5 * (style_cross_entropy(x, labels) + style_cross_entropy(y, torch.full_like(labels, y.shape[1] - 1)))
        for x, labels, y in zip(real, columns(style), fake, strict=True)
    ]
    return sum(losses[1:], losses[0])


def content_features(ours: Tensor, theirs: Tensor) -> Tensor:
    """J_content_features = (1/D) ‖φ(x̂) − φ(x)‖²  (Johnson et al. 2016, eq. 2).

    φ, (B, D): the mean of a frozen encoder's states over the words, as x̂ and x differ in length and have no word at the
    same place (the paper compares images place by place). Returns (B,).
    """
    return squared_distance(ours, theirs) / ours.shape[1]


def gram_distance(ours: Tensor, theirs: Tensor) -> Tensor:
    """J_gram = 1/(4 D²) ‖G(x̂) − Ḡ_t‖²_F  (Gatys et al. 2016, eq. 4, with G divided by the words of a sentence).

    ours: (B, D, D) of x̂; theirs: (B, D, D), the mean over sentences of the style t asked for. Returns (B,).
    """
    return (exact(ours) - exact(theirs)).square().mean((1, 2)) / 4


def gram_distances(ours: Tensor, theirs: Sequence[Tensor]) -> Tensor:
    """Σ_a `gram_distance` over attributes: x̂ (B, D, D) is drawn to the mean of the labels' matrices, each (B, D, D)."""
    losses = [gram_distance(ours, wanted) for wanted in theirs]
    return sum(losses[1:], losses[0])


@dataclass(frozen=True)
class TransferOutput:
    """What the model wrote in another style, and how it was read; None where no term in force asks for it.

    target: (B,) or (B, A) the style asked for, attributes to be kept included. ids, mask: (B, T) its words. trust: (B,)
    the weight of J_cycle. cycle_nll: (B, L) nats of x given x̂. guide_logits: (B, K_a) of each attribute,
    discriminator_logits: (B, K_a + 1), of the points.
    content, wanted_content: (B, Zc) z_c of x̂ and of x. style, wanted_style: (B, Zs) z_s of x̂ and the target vector.
    points, log_probs, expected: (B, T, V) x̂ on the simplex; log-probabilities of its words by the decoder, and by the
    language model after the same words. states: (B, T, D) of a frozen encoder that reads the points; wanted_state:
    (B, D) their mean over x; wanted_gram: (B, D, D) of each attribute's label asked for. sample: where all this is of
    some sentences only.
    """

    target: Tensor
    ids: Tensor
    mask: Tensor
    trust: Tensor | None = None
    cycle_nll: Tensor | None = None
    guide_logits: tuple[Tensor, ...] | None = None
    discriminator_logits: tuple[Tensor, ...] | None = None
    content: Tensor | None = None
    wanted_content: Tensor | None = None
    style: Tensor | None = None
    wanted_style: Tensor | None = None
    points: Tensor | None = None
    log_probs: Tensor | None = None
    expected: Tensor | None = None
    prior: LanguagePriorName = "reverse"
    states: Tensor | None = None
    wanted_state: Tensor | None = None
    wanted_gram: tuple[Tensor, ...] | None = None
    sample: Sample | None = None

    def of(self, rows: Tensor) -> TransferOutput:
        """The same of some sentences only: style, words and mask."""
        return TransferOutput(self.target[rows], self.ids[rows], self.mask[rows], prior=self.prior)


@dataclass(frozen=True)
class Sample:
    """The sentences `rows` (N,) for which the costly terms are computed: all but J_cycle, which takes every sentence.

    weight: (N,) one over the share of sentences drawn, so that the mean over batches is that of all sentences.
    """

    rows: Tensor
    weight: Tensor
    output: TransferOutput

    def spread(self, values: Tensor, sentences: int) -> Tensor:
        """Values (N, ...) in their places among all sentences (B, ...), 0 for the others."""
        weight = self.weight.to(values.dtype).view(-1, *[1] * (values.dim() - 1))
        return values.new_zeros(sentences, *values.shape[1:]).index_copy(0, self.rows, values * weight)


Given = TypeVar("Given")


def _given(value: Given | None) -> Given:
    assert value is not None, "this term was not asked for"
    return value


TransferObjective = Callable[[TransferOutput], Tensor]

TRANSFER_OBJECTIVES: dict[str, TransferObjective] = {
    "J_cycle": lambda o: cycle(_given(o.cycle_nll), _given(o.trust)),
    "J_style": lambda o: attribute_cross_entropy(_given(o.guide_logits), o.target),
    "J_content": lambda o: squared_distance(_given(o.content), _given(o.wanted_content)),
    "J_match": lambda o: squared_distance(_given(o.style), _given(o.wanted_style)),
    "J_lm": lambda o: LANGUAGE_PRIORS[o.prior](_given(o.log_probs), _given(o.expected), o.mask),
    "J_adv_x": lambda o: attribute_cross_entropy(_given(o.discriminator_logits), o.target),
    "J_content_features": lambda o: content_features(mean_state(_given(o.states), o.mask), _given(o.wanted_state)),
    "J_gram": lambda o: gram_distances(gram(_given(o.states), o.mask), _given(o.wanted_gram)),
}
"""Terms that the model descends on its own transfers."""


def transfer_term(name: str, output: TransferOutput) -> Tensor:
    """A term of all sentences, (B,) or (B, T), where it is computed of a sample too."""
    sample = output.sample
    if sample is None or name == "J_cycle":
        return TRANSFER_OBJECTIVES[name](output)
    return sample.spread(TRANSFER_OBJECTIVES[name](sample.output), len(output.ids))
