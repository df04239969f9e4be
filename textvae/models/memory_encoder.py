"""A model's encoder as `generate` of transformers calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput

if TYPE_CHECKING:
    from textvae.models.sentence_model import SentenceModel


class MemoryEncoder(nn.Module):
    """From sentences to a memory; it holds the model without owning it."""

    def __init__(self, model: SentenceModel):
        super().__init__()
        self.reference = (model,)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> BaseModelOutput:
        model = self.reference[0]
        if attention_mask is None:
            attention_mask = input_ids != model.config.pad_token_id
        return BaseModelOutput(last_hidden_state=model.read_memory(input_ids, attention_mask))
