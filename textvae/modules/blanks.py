"""A sentence with blanks in place of words: one for each, or one for a run of them, wider or empty at random."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from textvae.modules.config import BlanksConfig
from textvae.modules.noise import NoiseKey, uniform

BEFORE_STREAM, AFTER_STREAM, INSERT_STREAM, TAKE_STREAM = 2100, 2101, 2102, 2103
"""Numbers of the noise streams."""


@dataclass(frozen=True)
class Blanked:
    """B sentences with blanks: entry v of row b is the word `source[b, v]` of the sentence, unless it is a blank.

    source: (B, V) places in the sentence; a blank's is that of the first word behind it. blank, mask: (B, V) True at
    blanks, and at entries that are no padding.
    """

    source: Tensor
    blank: Tensor
    mask: Tensor

    def words(self, values: Tensor, blank: Tensor | float) -> Tensor:
        """Values of words (B, L) or (B, L, D) in the order of the entries, `blank` at blanks, 0 at padding."""
        places, here, mask = self.source, self.blank, self.mask
        if values.dim() == 3:
            places, here, mask = (x[..., None] for x in (places, here, mask))
            places = places.expand(-1, -1, values.shape[2])
        found = values.gather(1, places)
        return torch.where(mask, torch.where(here, torch.as_tensor(blank, dtype=found.dtype), found), 0)


def blanked(hidden: Tensor, mask: Tensor, config: BlanksConfig, key: NoiseKey | None, noisy: bool) -> Blanked:
    """Sentences whose words `hidden` (B, L) are blanked; mask (B, L) True at words and `</s>`, which stays last.

    noisy: widen and insert too. Cost: two sorts of (B, 2 L) flags, under a millisecond for a batch.
    """
    source = torch.arange(hidden.shape[1], device=hidden.device).expand_as(hidden)
    if not config.join:
        return Blanked(source, hidden & mask, mask)
    inserted = torch.zeros_like(hidden)
    if noisy and (config.widen or config.insert):
        hidden, inserted = _loosened(hidden & mask, mask, config, key)
    # A place for a blank before every word, then the word itself.
    entries = Blanked(
        source.repeat_interleave(2, dim=1),
        torch.stack((torch.ones_like(hidden), hidden), dim=2).flatten(1),
        torch.stack((inserted & mask, mask), dim=2).flatten(1),
    )
    entries = _kept(entries, entries.mask)
    follows = torch.zeros_like(entries.blank)
    follows[:, 1:] = entries.blank[:, :-1]
    return _kept(entries, entries.mask & ~(entries.blank & follows))


def _loosened(hidden: Tensor, mask: Tensor, config: BlanksConfig, key: NoiseKey | None) -> tuple[Tensor, Tensor]:
    """Hidden words (B, L) with some neighbours of theirs, and where a blank is inserted before a word (B, L)."""
    like = hidden.float()
    words = mask.clone()  # all but `</s>`
    words[:, :-1] &= mask[:, 1:]
    words[:, -1] = False
    before, after = torch.zeros_like(hidden), torch.zeros_like(hidden)
    before[:, :-1], after[:, 1:] = hidden[:, 1:], hidden[:, :-1]
    inserted = mask & (uniform(like, key, INSERT_STREAM) < config.insert)
    taken = before & (uniform(like, key, BEFORE_STREAM) < config.widen)
    taken |= after & (uniform(like, key, AFTER_STREAM) < config.widen)
    taken |= inserted & (uniform(like, key, TAKE_STREAM) < config.widen)
    return hidden | (taken & words), inserted


def _kept(entries: Blanked, kept: Tensor) -> Blanked:
    """The entries that are kept, moved to the front, and no more columns than the longest row has."""
    width = max(1, int(kept.sum(1).max()))
    order = (~kept).to(torch.uint8).argsort(dim=1, stable=True)[:, :width]
    return Blanked(*(x.gather(1, order) for x in (entries.source, entries.blank, kept)))
