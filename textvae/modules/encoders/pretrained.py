"""Any encoder of transformers: BERT and its kin, or the encoder half of BART or T5."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textvae.modules.encoders.base import Encoded, Encoder, EncoderConfig
from textvae.modules.transformers_parts import PretrainedPart, attention_mask, build_body, network_config


class PretrainedEncoder(PretrainedPart, Encoder):
    """Summary = mean of the top states over the sentence.

    Where the network was trained on sentences that begin with a token of their own (BERT's [CLS]), `first` is its
    vector and stands before the words; its state is left out. input_size: width of the network's word vectors.
    """

    def __init__(self, config: EncoderConfig, input_size: int):
        super().__init__(config, input_size)
        part = config.network
        network = network_config(part, "encoder")
        self.hold(build_body(network, "encoder"), config.tuning, config.adapter_rank)
        self.output_size: int = network.hidden_size
        self.first: nn.Parameter | None = None
        if part and part.get("begins"):
            self.first = nn.Parameter(torch.zeros(input_size), requires_grad=config.tuning == "full")

    def forward(self, embedded: Tensor, mask: Tensor) -> Encoded:
        keep, rows = mask.bool(), len(embedded)
        before = 0
        if self.first is not None:
            embedded = torch.cat((self.first.to(embedded.dtype).expand(rows, 1, -1), embedded), dim=1)
            before = 1
        seen = torch.cat((keep.new_ones(rows, before), keep), dim=1)
        states = self.body(inputs_embeds=embedded, attention_mask=attention_mask(seen, 0)).last_hidden_state
        states = states[:, before:] * keep[..., None].to(states.dtype)
        return Encoded(states, states.sum(1) / keep.sum(1, keepdim=True).clamp(min=1).to(states.dtype))
