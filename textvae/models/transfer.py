"""The style-content autoencoder writes its own batch in another style, and reads what it wrote."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from textvae.data.batch import Batch
from textvae.models.style_content_vae import Latents, StyleContentVAE
from textvae.modules.attributes import LabelGroups, Sizes, columns
from textvae.modules.noise import NoiseKey, mix, shifted, soft_gumbel, straight_through, uniform
from textvae.modules.roll_out import SAMPLING_STREAM, evaluating, free_run
from textvae.tokenization.config import SPECIAL

TARGET_STREAM, DROP_STREAM, BLANK_STREAM, CYCLE_STREAM, SUBSET_STREAM, VIEW_STREAM, SHARE_STREAM = range(2000, 2007)
"""Numbers of the noise streams; a word drawn in a roll-out has SAMPLING_STREAM and more."""


@dataclass(frozen=True)
class Plan:
    """How transfers are written in training.

    strength: of the target vector. tau: temperature of sampled words, None for the likeliest. drop, blank: shares of
    x̂'s words that back-translation does not see. through: let J_cycle's gradient pass through the words of x̂.
    translated: share of the sentences that are looked at as they are, the others at their blanks.
    """

    strength: float = 1.0
    tau: float | None = None
    drop: float = 0.1
    blank: float = 0.1
    through: bool = False
    translated: float = 0.5


def other_styles(style: Tensor, styles: Sizes, key: NoiseKey | None) -> Tensor:
    """Another style for each of `style`, (B,) or with several attributes (B, A); styles: how many labels there are.

    Every non-empty subset of the attributes changes with the same probability, into every other label likewise.
    """
    sizes, old = LabelGroups.of(styles).sizes, columns(style)
    draws = uniform(torch.stack(old, dim=1).float(), key, TARGET_STREAM)
    new = [
        (labels + 1 + (draws[:, a] * (size - 1)).long().clamp(max=size - 2)) % size
        for a, (labels, size) in enumerate(zip(old, sizes, strict=True))
    ]
    if len(sizes) == 1:
        return new[0]
    subsets = 2 ** len(sizes) - 1
    chosen = 1 + (uniform(draws[:, :1], key, SUBSET_STREAM)[:, 0] * subsets).long().clamp(max=subsets - 1)
    kept = [(chosen >> a) % 2 == 0 for a in range(len(sizes))]
    return torch.stack([torch.where(*x) for x in zip(kept, old, new, strict=True)], dim=1).view_as(style)


def looked_at(latents: Latents, plan: Plan, key: NoiseKey | None) -> Tensor | None:
    """Rows (B, M, D) of memory for x̂: of some sentences as they are, of the others without their style words."""
    blanks, whole = latents.memory, latents.visible
    if blanks is None or whole is None:
        return latents.source
    chosen = uniform(whole[:, :1, :1].float(), key, VIEW_STREAM) < plan.translated
    width = max(blanks.shape[1], whole.shape[1])
    whole, blanks = (F.pad(rows, (0, 0, 0, width - rows.shape[1])) for rows in (whole, blanks))
    return torch.where(chosen, whole, blanks)


def write(model: StyleContentVAE, memory: Tensor, key: NoiseKey | None) -> Tensor:
    """Words (B, T) for memories (B, M, D), greedily or, with a key, sampled; no gradient."""

    def step(tokens: Tensor, state: object) -> tuple[Tensor, object]:
        hidden, following = model.decoder.step(tokens, state, model.target_embedding)  # type: ignore[arg-type]
        return (model.output.logits if key is None else model.output.log_probs)(hidden), following

    with torch.no_grad(), evaluating(model):
        state = model.decoder.start(memory, model.target_embedding)
        longest = model.config.max_length - 1
        return free_run(step, state, len(memory), longest, memory.device, key, forbidden=(SPECIAL.unk,))


def written_log_probs(model: StyleContentVAE, memory: Tensor, ids: Tensor) -> Tensor:
    """log p (B, T, V) of every word of texts (B, T) that the model has just written, with the gradient."""
    inputs = shifted(ids).masked_fill(ids == SPECIAL.pad, SPECIAL.pad)
    hidden = model.decoder(memory, model.target_embedding(inputs))
    return model.output.log_probs(hidden.flatten(0, 1)).unflatten(0, ids.shape)


def drawn(ids: Tensor, share: float, key: NoiseKey | None) -> tuple[Tensor, Tensor]:
    """Places (N,) of about `share` of B texts and their weight (N,), 1 / share; if none is drawn, one of weight 0."""
    chosen = uniform(ids[:, :1].float(), key, SHARE_STREAM)[:, 0] < share
    rows = chosen.nonzero()[:, 0] if bool(chosen.any()) else torch.zeros(1, dtype=torch.long, device=ids.device)
    return rows, chosen[rows] / share


def points(log_probs: Tensor, ids: Tensor, plan: Plan, key: NoiseKey | None, rows: Tensor | None = None) -> Tensor:
    """The words as one-hot points (B, T, V) whose gradient goes to the decoder's distribution (straight through).

    rows: (B,) places of the texts in the batch that was written, whose draws are repeated here. None: as they stand.
    """
    if plan.tau is None:
        return straight_through(log_probs.exp(), ids)
    places = torch.arange(len(ids), device=ids.device) if rows is None else rows
    like = log_probs[:1, 0].expand(int(places.max()) + 1, -1)
    draws = [uniform(like, key, SAMPLING_STREAM + t)[places] for t in range(ids.shape[1])]
    return straight_through(soft_gumbel(log_probs, plan.tau, torch.stack(draws, dim=1)), ids)


def noised(ids: Tensor, plan: Plan, key: NoiseKey | None) -> Tensor:
    """Texts (B, T) with some words left out and some blanked; `</s>` stays. The first word left keeps its place."""
    words = (ids != SPECIAL.pad) & (ids != SPECIAL.eos)
    like = ids.float()
    if plan.blank:
        blanked = words & (uniform(like, key, BLANK_STREAM) < plan.blank)
        ids = ids.masked_fill(blanked, SPECIAL.mask)
    if plan.drop:
        dropped = words & (uniform(like, key, DROP_STREAM) < plan.drop)
        order = dropped.to(torch.uint8).argsort(dim=1, stable=True)
        ids = ids.masked_fill(dropped, SPECIAL.pad).gather(1, order)
    return ids


def read_back(
    model: StyleContentVAE, batch: Batch, ids: Tensor, plan: Plan, read: Latents | None, key: NoiseKey | None
) -> Tensor:
    """−log p(x | x̂), (B, L) nats: from the points of x̂ already `read`, or from its words with noise."""
    if read is None:
        seen = noised(ids, plan, key)
        shifted = None if key is None else replace(key, seed=mix(key.seed, CYCLE_STREAM))
        read = model.encode(seen, seen != SPECIAL.pad, sample=True, key=shifted)
    memory = model.memory(model.style_vector(batch.style, 1.0), read.content.value, read.source)
    hidden = model.decoder(memory, model.embedding_dropout(model.target_embedding(batch.decoder_input_ids)))
    return model.token_nll(hidden, batch.labels)
