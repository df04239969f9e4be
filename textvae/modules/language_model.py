"""A recurrent language model of human text: the prior that keeps a summary readable."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textvae.modules.config import LanguageModelConfig
from textvae.modules.noise import embed, shifted
from textvae.modules.output import OUTPUTS
from textvae.tokenization.config import SPECIAL

NETWORKS: dict[str, type[nn.LSTM] | type[nn.GRU]] = {"gru": nn.GRU, "lstm": nn.LSTM}


class RecurrentLanguageModel(nn.Module):
    """p(x_t | x_<t) over ids (B, L) or over points on the simplex (B, L, V'), through which a gradient flows."""

    def __init__(self, config: LanguageModelConfig, vocab_size: int):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(vocab_size, config.embedding_size)
        self.rnn = NETWORKS[config.kind](
            config.embedding_size,
            config.size,
            num_layers=config.layers,
            dropout=config.dropout if config.layers > 1 else 0.0,
            batch_first=True,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.output = OUTPUTS[config.output](config.size, vocab_size)

    def hidden(self, embedded: Tensor) -> Tensor:
        """States (B, L, D) after each of the embedded inputs (B, L, E)."""
        return self.dropout(self.rnn(self.dropout(embedded))[0])

    def forward(self, decoder_input_ids: Tensor, labels: Tensor) -> Tensor:
        """−log p(label), (B, L) nats, 0 where the label is −100; inputs (B, L) begin with <s>, labels are (B, L)."""
        hidden = self.hidden(self.embedding(decoder_input_ids))
        counted = labels != -100
        nll = self.output.nll(hidden.flatten(0, 1), labels.where(counted, 0).flatten()).view_as(labels)
        return nll.where(counted, 0.0)

    def next_word(self, sequence: Tensor) -> Tensor:
        """log p(· | <s>, x_<t) for every t: a text (B, L) or (B, L, V') to (B, L, V'), at least fp32.

        Row t has read x_1 … x_{t−1} only, so it faces the generator's distribution of x_t.
        """
        words = embed(sequence[:, :-1], self.embedding)
        start = self.embedding.weight[SPECIAL.bos].to(words.dtype).expand(len(sequence), 1, -1)
        hidden = self.hidden(torch.cat((start, words), dim=1))
        return self.output.log_probs(hidden.flatten(0, 1)).unflatten(0, hidden.shape[:2])

    def log_prob(self, sequence: Tensor, mask: Tensor) -> Tensor:
        """log p(x_t | x_<t) of a text, (B, L) nats, 0 where mask (B, L) is; of points, Σ_v x_t(v) log p(v | x_<t)."""
        if sequence.dim() == 2:
            return -self(shifted(sequence), sequence.where(mask, -100))
        return (sequence * self.next_word(sequence)).sum(-1).where(mask, 0.0)
