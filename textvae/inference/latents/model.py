"""One face for every autoencoder of the family: sentences to z, z to sentences, draws of the prior.

What stands on it (generation, interpolation, compression, detection) knows neither how many spaces a model has nor of
which kind they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from textvae.data.attributes import Attributes
from textvae.errors import UserError
from textvae.models.sentence_vae import SentenceVAE
from textvae.models.style_content_vae import StyleContentVAE
from textvae.modules.attributes import LabelGroups
from textvae.modules.fitted_prior import FittedPrior
from textvae.modules.latents import Latent, LatentOutput
from textvae.modules.latents.flow import FlowLatent
from textvae.modules.latents.vq import VQLatent
from textvae.modules.noise import NoiseKey, exact, mix, shifted, uniform
from textvae.tokenization.config import SPECIAL

Target = str | Sequence[str] | Mapping[str, str]
"""A label, several of several attributes (LABEL or ATTRIBUTE=LABEL), or {attribute: label}."""
Chosen = int | Mapping[int, int] | None
"""Number of the one attribute's label, or numbers by attribute; attributes without one are free."""
CHUNK = 64
"""Draws made from one seed; so the i-th draw is the same whatever the size of a batch."""
LABEL_STREAM = 3000
"""Noise stream of the labels that are drawn where nobody names one."""


@dataclass(frozen=True)
class Posterior:
    """q(z | x) of B sentences: mean (B, Z), std (B, Z) or None for a point, kl (B,) nats against the prior.

    Of a codebook the mean is the entry chosen.

    Under a prior per label and without a label, the prior is their equal mixture and kl a bound on it from above:
    −ln Σ_y 1/S exp(−KL(q ‖ p_y)) (Hershey & Olsen 2007, "Approximating the Kullback Leibler divergence between
    Gaussian mixture models", sec. 7). So −log p(x | z) + kl still bounds −log p(x).
    """

    mean: Tensor
    std: Tensor | None
    kl: Tensor

    def draw(self, ids: Tensor, seed: int) -> Tensor:
        """z (B, Z), one sample a sentence. ε depends on its words (B, L) and the seed, never on its batch."""
        if self.std is None:
            return self.mean
        noise = torch.empty(self.mean.shape, dtype=torch.float32)
        for row, words in zip(noise, ids.tolist(), strict=True):
            generator = torch.Generator().manual_seed(mix(seed, *(i for i in words if i != SPECIAL.pad)))
            row.copy_(torch.randn(len(row), generator=generator))
        return self.mean + self.std * noise.to(self.mean)


class LatentModel:
    """What the uses ask of a model. `parts`: where each of its spaces stands in z."""

    def __init__(self, network: Any, spaces: dict[str, Latent]):
        self.network, self.spaces = network.eval(), spaces
        self.labels: tuple[str, ...] = tuple(getattr(network.config, "labels", None) or ())
        self.attributes = Attributes.of(getattr(network.config, "attributes", None) or self.labels)
        self.groups = LabelGroups(self.attributes.sizes)
        ends = [0]
        for space in spaces.values():
            ends.append(ends[-1] + space.size)
        self.size = ends[-1]
        self.parts = {name: slice(a, b) for name, a, b in zip(spaces, ends[:-1], ends[1:], strict=True)}

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = self.network.device
        return device

    # ------------------------------------------------------------------ what a kind of model defines
    def outputs(self, ids: Tensor, mask: Tensor) -> dict[str, LatentOutput]:
        """Its spaces' views of sentences (B, L) that end in `</s>`."""
        raise TypeError(f"{type(self).__name__} must define outputs")

    def looks_back(self) -> str | None:
        """What the decoder reads beside z, in words; None where z is all."""
        return None

    def rows(self, z: Tensor) -> Tensor:
        """The decoder's memory (B, M, D_mem) for z (B, Z)."""
        raise TypeError(f"{type(self).__name__} must define rows")

    # ------------------------------------------------------------------ what all have
    def posterior(self, ids: Tensor) -> Posterior:
        """q(z | x) of padded sentences (B, L)."""
        found = self.outputs(ids, ids != SPECIAL.pad)
        means = torch.cat([exact(o.value) for o in found.values()], dim=1)
        spreads = [torch.zeros_like(o.value) if o.log_var is None else (0.5 * o.log_var).exp() for o in found.values()]
        std = None if all(o.log_var is None for o in found.values()) else torch.cat(spreads, dim=1)
        z = (
            Posterior(means, std, means[:, 0]).draw(ids, 0)
            if any(map(has_no_closed_form, self.spaces.values()))
            else means
        )
        parts = [mixture_kl(self.spaces[name], o, z[:, self.parts[name]]) for name, o in found.items()]
        return Posterior(means, std, torch.stack(parts).sum(0))

    @property
    def codebooks(self) -> list[int]:
        """Entries of the codebook of every code of a sentence; none where some space has no codes."""
        if not all(space.codebook_size for space in self.spaces.values()):
            return []
        return [space.codebook_size for space in self.spaces.values() for _ in range(space.config.slots)]

    def codes(self, ids: Tensor) -> Tensor:
        """Entries of the codebooks (B, M) for sentences (B, L)."""
        found = self.outputs(ids, ids != SPECIAL.pad).values()
        return torch.cat([output.codes for output in found if output.codes is not None], dim=1)

    def coded(self, codes: Tensor) -> Tensor:
        """z (B, Z) of entries (B, M)."""
        found, begin = [], 0
        for space in self.spaces.values():
            assert isinstance(space, VQLatent)
            found.append(space.vectors(codes[:, begin : begin + space.config.slots]))
            begin += space.config.slots
        return torch.cat(found, dim=1)

    def memory(self, z: Tensor) -> Tensor:
        """The decoder's memory; UserError where a vector is not all that the decoder reads."""
        beside = self.looks_back()
        if beside is not None:
            raise UserError(
                f"this model writes from z and {beside}, so a vector alone is no sentence; "
                "this use needs a model trained with --model.memory.kind none"
            )
        return self.rows(z.to(self.network.dtype))

    def token_log_probs(self, z: Tensor, ids: Tensor) -> Tensor:
        """ln p(x_t | x_<t, z): (B, L) for z (B, Z) and sentences (B, L), 0 at padding."""
        hidden = self.network.decoder(self.memory(z), self.network.target_embedding(shifted(ids)))
        nll: Tensor = self.network.token_nll(hidden, ids.masked_fill(ids == SPECIAL.pad, -100))
        return -exact(nll)

    def label(self, target: Target | None) -> dict[int, int]:
        """{attribute: label} of what is asked for, of one attribute or several, none of it without a target.

        UserError for a label that the model does not know, or where no prior tells labels apart.
        """
        if not target:
            return {}
        if not self.labels:
            raise UserError(f"unknown label {target!r}; this model has no labels")
        chosen = self.attributes.choose(target)
        if not self.tells_labels():
            raise UserError(
                f"label {target!r} cannot be asked for: this model's prior is the same for every label "
                "(trained with prior: class_conditional it has one for each)"
            )
        return chosen

    def tells_labels(self) -> bool:
        """Whether a draw can have a label."""
        return any(space.config.prior == "class_conditional" for space in self.spaces.values())

    @torch.no_grad()
    def prior(
        self, first: int, count: int, label: Chosen, seed: int, fitted: dict[str, FittedPrior] | None = None
    ) -> Tensor:
        """Draws number `first` to `first + count` of z ~ p(z | label), (count, Z).

        label: of the one attribute, or by attribute; every draw has its own label of an attribute without one.
        fitted: priors of some of the spaces, in place of their own.
        """
        found, number = [], first // CHUNK
        while number * CHUNK < first + count:
            found.append(self.chunk(label, NoiseKey(mix(seed, number), 0, CHUNK), fitted or {}))
            number += 1
        skip = first % CHUNK
        return torch.cat(found)[skip : skip + count]

    def chunk(self, label: Chosen, key: NoiseKey, fitted: dict[str, FittedPrior]) -> Tensor:
        """CHUNK draws."""
        labels = self.drawn_labels(label, key)
        draws = [
            fitted[name].sample(labels, key).to(space.mean.weight)
            if name in fitted
            else space.sample_prior(labels, key)
            for name, space in self.spaces.items()
        ]
        return torch.cat(draws, dim=1)

    def drawn_labels(self, label: Chosen, key: NoiseKey) -> Tensor:
        """(CHUNK,) the label of every draw, with several attributes (CHUNK, A)."""
        sizes = torch.tensor(self.groups.sizes).clamp(min=1)
        draws = uniform(torch.zeros(CHUNK, len(sizes)), key, LABEL_STREAM)
        drawn = (draws * sizes).long().minimum(sizes - 1)
        for attribute, wanted in ({0: label} if isinstance(label, int) else label or {}).items():
            drawn[:, attribute] = wanted
        return (drawn if len(sizes) > 1 else drawn[:, 0]).to(self.device)

    def neutral(self) -> Tensor:
        """The middle of the prior (Z,), over all labels."""
        centres = {name: prior_centres(space) for name, space in self.spaces.items()}
        means = [torch.zeros(self.spaces[n].size) if c is None else exact(c.mean(0)).cpu() for n, c in centres.items()]
        return torch.cat([mean.detach() for mean in means]).to(self.device)


def prior_centres(space: Latent) -> Tensor | None:
    """(S, Z) of a prior per label, else None: a codebook's labels stand in its prior over codes.

    With several attributes one for each combination of their labels, in the order of `LabelGroups.combination`.
    """
    if not hasattr(space, "prior_means"):
        return None
    table = space.prior_means.detach()
    labels = torch.cartesian_prod(*(torch.arange(size, device=table.device) for size in space.groups.sizes))
    return space.groups.joined(table, labels)


def has_no_closed_form(space: Latent) -> bool:
    """Whether the KL against the prior is estimated from a draw, as it is for a flow."""
    return isinstance(space, FlowLatent)


def mixture_kl(space: Latent, output: LatentOutput, z: Tensor) -> Tensor:
    """(B,) the KL of a space against its prior, against the mixture over labels where there is one per label.

    KL_y = KL_0 + ½ ‖m_y‖² − μ · m_y, with KL_0 against the standard prior, which is what comes without labels. For a
    flow log q(z | x) − log p(z) at z (B, Z); its labels are mixed at that point.
    """
    centres = prior_centres(space)
    if has_no_closed_form(space):
        rows = torch.arange(1 if centres is None else len(centres), device=z.device)
        labels = [None if centres is None else row.expand(len(z)) for row in rows]
        prior = torch.stack([exact(space.log_prior(z, label)) for label in labels]).logsumexp(0) - math.log(len(rows))
        return exact(space.log_posterior(output, z)) - prior
    standard = exact(output.penalty_units).sum(1)
    if centres is None:
        return standard
    centres = centres.to(standard.dtype)
    each = standard[:, None] + 0.5 * centres.square().sum(1) - exact(output.mean).to(standard.dtype) @ centres.T
    return math.log(len(centres)) - (-each).logsumexp(1)


class StyleContent(LatentModel):
    """z = [z_s; z_c] of the style-content autoencoder."""

    network: StyleContentVAE

    def __init__(self, network: StyleContentVAE):
        super().__init__(network, {"style": network.style_latent, "content": network.content_latent})

    def outputs(self, ids: Tensor, mask: Tensor) -> dict[str, LatentOutput]:
        found = self.network.encode(ids, mask)
        return {"style": found.style, "content": found.content}

    def looks_back(self) -> str | None:
        memory = self.network.sentence_memory
        return None if memory is None else f"the sentence itself (memory.kind {memory.config.kind})"

    def tells_labels(self) -> bool:
        return True

    def chunk(self, label: Chosen, key: NoiseKey, fitted: dict[str, FittedPrior]) -> Tensor:
        """Under a standard prior a label's style is the mean of its training sentences, as in a transfer.

        Content that was drawn for a label gets the style of that label, whether or not anyone asked for one.
        """
        z = super().chunk(label, key, fitted)
        told = label not in (None, {}) or any(prior.shape.labels for prior in fitted.values())
        if told and not super().tells_labels():
            styles = self.groups.joined(self.network.style_vectors, self.drawn_labels(label, key))
            z[:, self.parts["style"]] = styles.to(z)
        return z

    def rows(self, z: Tensor) -> Tensor:
        return self.network.memory(*(z[:, self.parts[name]] for name in ("style", "content")))


class Sentence(LatentModel):
    """z of the plain sentence autoencoder."""

    network: SentenceVAE

    def __init__(self, network: SentenceVAE):
        super().__init__(network, {"z": network.latent})

    def outputs(self, ids: Tensor, mask: Tensor) -> dict[str, LatentOutput]:
        return {"z": self.network.encode(ids, mask)}

    def rows(self, z: Tensor) -> Tensor:
        return self.network.memory(z)
