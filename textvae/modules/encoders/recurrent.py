"""Recurrent encoders (John et al. 2019, sec. 3: a bidirectional GRU reads the sentence)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from textvae.modules.encoders.base import Encoded, Encoder, EncoderConfig


class RecurrentEncoder(Encoder):
    """Summary = last state forwards and first state backwards of the top layer, concatenated."""

    network: type[nn.GRU] | type[nn.LSTM]

    def __init__(self, config: EncoderConfig, input_size: int):
        super().__init__(config, input_size)
        self.rnn = self.network(
            input_size,
            config.size,
            num_layers=config.layers,
            bidirectional=config.bidirectional,
            dropout=config.dropout if config.layers > 1 else 0.0,
            batch_first=True,
        )
        self.directions = 2 if config.bidirectional else 1
        self.output_size = config.size * self.directions

    def forward(self, embedded: Tensor, attention_mask: Tensor) -> Encoded:
        lengths = attention_mask.sum(1).cpu()
        if bool((lengths == embedded.shape[1]).all()):
            # Batches of one length are the rule (see data/loader.py) and skip the packing, a third of the time.
            states, last = self.rnn(embedded)
        else:
            packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
            packed_states, last = self.rnn(packed)
            states, _ = pad_packed_sequence(packed_states, batch_first=True, total_length=embedded.shape[1])
        hidden = last[0] if isinstance(last, tuple) else last
        return Encoded(states, torch.cat(list(hidden[-self.directions :]), dim=-1))


class GRUEncoder(RecurrentEncoder):
    """Gated recurrent units (Cho et al. 2014)."""

    network = nn.GRU


class LSTMEncoder(RecurrentEncoder):
    """Long short-term memory (Hochreiter & Schmidhuber 1997)."""

    network = nn.LSTM
