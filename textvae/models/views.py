"""A sentence as it is and without its style words, read by one encoder in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.models.sentence_model import SentenceModel
from textvae.modules.blanks import Blanked, BlanksConfig, blanked
from textvae.modules.encoders import Encoded
from textvae.modules.noise import NoiseKey
from textvae.modules.relaxations import embed

ViewName = Literal["whole", "bare"]
"""whole: the sentence as it is, which the style is read from; bare: without its style words, for the content."""
BOTH: tuple[ViewName, ...] = ("whole", "bare")


@dataclass(frozen=True)
class View:
    """Sentences as the encoder read them: states (B, V, D), summary (B, D), mask (B, V)."""

    states: Tensor
    summary: Tensor
    mask: Tensor


class SentenceViews(SentenceModel):
    """What a model adds to its reader so that one of its spaces does not see the style words."""

    blanks: BlanksConfig
    style_tokens: Tensor
    style_kinds: Tensor
    kind_embedding: nn.Embedding | None

    def add_views(self, blanks: BlanksConfig) -> None:
        """Which words are hidden, of which kinds, and what stands in their place."""
        config, self.blanks = self.config, blanks
        # True for the tokens that z_c does not get to see (`hide_style_words`), set by `set_style_tokens`.
        self.register_buffer("style_tokens", torch.zeros(config.vocab_size, dtype=torch.bool))
        # What z_c sees of a style word beside the blank: its kind, 1 to `style_word_kinds`; 0 for other tokens.
        self.kind_embedding = None
        if config.style_word_kinds:
            self.kind_embedding = nn.Embedding(config.style_word_kinds + 1, self.embedding.embedding_dim, padding_idx=0)
            self.register_buffer("style_kinds", torch.zeros(config.vocab_size, dtype=torch.long))

    def reset_views(self) -> None:
        """No word is a style word."""
        self.style_tokens.zero_()
        if self.kind_embedding is not None:
            self.style_kinds.zero_()

    @torch.no_grad()
    def set_style_tokens(self, ids: list[int], kinds: Tensor | None = None) -> None:
        """Name the tokens that `hide_style_words` blanks out; kinds: (V,) of each, where the model tells them."""
        self.style_tokens.zero_()
        self.style_tokens[ids] = True
        if self.kind_embedding is not None and kinds is not None:
            self.style_kinds.copy_(kinds)

    def read(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        points: Tensor | None = None,
        noisy: bool = False,
        key: NoiseKey | None = None,
        wanted: tuple[ViewName, ...] = BOTH,
    ) -> tuple[View, ...]:
        """The wanted views of sentences (B, L), in one pass; where no words are hidden, one view stands for all.

        points: (B, L, V) to be read in place of the words `input_ids`, which then only say where style words stand.
        noisy: as in training, where blanks may be wider or empty (`model.blanks`). Cost: that of the wanted views.
        """
        if not self.config.hide_style_words:
            embedded = self.embedding(input_ids) if points is None else embed(points, self.embedding)
            encoded: Encoded = self.sentence_encoder(self.embedding_dropout(embedded), attention_mask)
            return (View(encoded.states, encoded.summary, attention_mask),) * len(wanted)
        bare = blanked(self.style_tokens[input_ids], attention_mask, self.blanks, key, noisy)
        width = max(input_ids.shape[1], bare.mask.shape[1])
        masks = [padded(attention_mask if name == "whole" else bare.mask, width) for name in wanted]
        embedded = self.embedded_views(input_ids, points, bare, width, wanted)
        encoded = self.sentence_encoder(self.embedding_dropout(embedded), torch.cat(masks))
        parts = encoded.states.chunk(len(wanted)), encoded.summary.chunk(len(wanted)), masks
        return tuple(View(states, summary, mask) for states, summary, mask in zip(*parts, strict=True))

    def embedded_views(
        self, input_ids: Tensor, points: Tensor | None, bare: Blanked, width: int, wanted: tuple[ViewName, ...]
    ) -> Tensor:
        """(N B, V, E) the words of N wanted views, one view after the other."""
        if points is None:
            mask_id = self.config.mask_token_id
            ids = [input_ids if name == "whole" else bare.words(input_ids, mask_id) for name in wanted]
            embedded: Tensor = self.embedding(torch.cat([padded(x, width) for x in ids]))
        else:
            whole = embed(points, self.embedding)
            blank = self.embedding.weight[self.config.mask_token_id].to(whole.dtype)
            views = [whole if name == "whole" else bare.words(whole, blank) for name in wanted]
            embedded = torch.cat([padded(x, width) for x in views])
        if self.kind_embedding is not None:
            kinds = self.style_kinds[input_ids].gather(1, bare.source).masked_fill(~bare.blank, 0)
            found = self.kind_embedding(padded(kinds, width)).to(embedded.dtype)
            told = [torch.zeros_like(found) if name == "whole" else found for name in wanted]
            embedded = embedded + torch.cat(told)
        return embedded


def padded(values: Tensor, width: int) -> Tensor:
    """(B, L) or (B, L, D) with zeros up to `width` places."""
    spare = width - values.shape[1]
    return values if not spare else F.pad(values, (0, 0) * (values.dim() - 2) + (0, spare))
