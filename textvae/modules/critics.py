"""Critics: how much a short text looks like one that a person wrote."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.modules.config import CriticConfig
from textvae.modules.noise import embed, exact


class Critic(nn.Module):
    """Scores of a text given as ids (B, L) or as points on the simplex (B, L, V'): higher is more human.

    `embed` is linear in a point and `score` reads nothing but the embedding, so the slope on the simplex follows from
    the slope on the embedding and `gram` alone (objectives/wgan_gp.py). mask: (B, L) bool, the words that count, from
    the first on; what stands after them has no influence.
    """

    def __init__(self, config: CriticConfig, vocab_size: int):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, config.embedding_size)
        # Words of length 1 instead of √E: the slope on the simplex, which the penalty wants at 1, starts near it.
        nn.init.normal_(self.embedding.weight, std=config.embedding_size**-0.5)

    def embed(self, sequence: Tensor) -> Tensor:
        """Ids (B, L) or points (B, L, V') to (B, L, E)."""
        return embed(sequence, self.embedding)

    def gram(self) -> Tensor:
        """W Wᵀ (E, E) of h = W x: ‖Wᵀ g‖² = gᵀ W Wᵀ g is the squared slope on the simplex where it is g on h."""
        weight = exact(self.embedding.weight)
        with torch.autocast(weight.device.type, enabled=False):
            return weight.T @ weight

    def score(self, embedded: Tensor, mask: Tensor) -> Tensor:
        """One score per text, (B,), at least fp32, from embeddings (B, L, E)."""
        raise TypeError(f"{type(self).__name__} must define score")


class ResidualBlock(nn.Module):
    """x + .3 · conv(relu(conv(relu x)))  (Gulrajani et al. 2017, the character-level language model)."""

    def __init__(self, size: int, kernel: int):
        super().__init__()
        self.first = nn.Conv1d(size, size, kernel, padding=kernel // 2)
        self.second = nn.Conv1d(size, size, kernel, padding=kernel // 2)

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """x: (B, D, L), zero where keep (B, 1, L) is 0, as is what returns: padding looks like the text's end."""
        inner = self.first(F.relu(x)) * keep
        return x + 0.3 * self.second(F.relu(inner)) * keep


class ResidualCritic(Critic):
    """Residual 1-D CNN over points of the simplex (Wang & Lee 2018, method 1): forward gives one score a text, (B,).

    The mean over the words stands in for the papers' flattening, which needs one fixed length.
    """

    def __init__(self, config: CriticConfig, vocab_size: int):
        super().__init__(config, vocab_size)
        self.project = nn.Conv1d(config.embedding_size, config.size, 1)
        self.blocks = nn.ModuleList(ResidualBlock(config.size, config.kernel) for _ in range(config.blocks))
        self.output = nn.Linear(config.size, 1)

    def score(self, embedded: Tensor, mask: Tensor) -> Tensor:
        keep = mask[:, None].to(embedded.dtype)
        x = self.project(embedded.transpose(1, 2)) * keep
        for block in self.blocks:
            x = block(x, keep)
        with torch.autocast(x.device.type, enabled=False):
            words = exact(F.relu(x)).sum(2) / mask.sum(1, keepdim=True).clamp(min=1)
            return self.output(words.to(self.output.weight.dtype))[:, 0]

    def forward(self, sequence: Tensor, mask: Tensor) -> Tensor:
        """Scores (B,)."""
        return self.score(self.embed(sequence), mask)


class PlainLSTM(nn.Module):
    """One layer of an LSTM (Hochreiter & Schmidhuber 1997) from h_0 = c_0 = 0, in plain operations.

    The fused kernels of `nn.LSTM` have no second derivative, which the gradient penalty needs. A summary has a dozen
    words, so the loop costs little more than they do.
    """

    def __init__(self, input_size: int, size: int):
        super().__init__()
        self.size = size
        self.input, self.hidden = nn.Linear(input_size, 4 * size), nn.Linear(size, 4 * size, bias=False)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(size**-0.5), size**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, E) → states (B, L, D)."""
        words = self.input(x)
        hidden = cell = words.new_zeros(len(words), self.size)
        states = []
        for word in words.unbind(1):
            gates = word + self.hidden(hidden)
            input_gate, forget, output = gates[:, : 3 * self.size].sigmoid().chunk(3, dim=1)
            cell = forget * cell + input_gate * gates[:, 3 * self.size :].tanh()
            hidden = output * cell.tanh()
            states.append(hidden)
        return torch.stack(states, dim=1)


class RecurrentCritic(Critic):
    """LSTM that scores every prefix (Wang & Lee 2018, method 2): forward gives s_1 … s_L, (B, L).

    s_t depends on the first t words only. Beyond the end the last score is repeated, so the reward s_t − s_{t−1} of
    padding is 0.
    """

    def __init__(self, config: CriticConfig, vocab_size: int):
        super().__init__(config, vocab_size)
        widths = [config.embedding_size] + [config.size] * config.layers
        self.layers = nn.ModuleList(PlainLSTM(a, b) for a, b in pairwise(widths))
        self.output = nn.Linear(config.size, 1)

    def embedded_prefixes(self, embedded: Tensor, mask: Tensor) -> Tensor:
        """s_0 … s_L, (B, L + 1), at least fp32, from embeddings (B, L, E)."""
        states = embedded
        for layer in self.layers:
            states = layer(states)
        nothing_read = states.new_zeros(states.shape[0], 1, states.shape[2])
        with torch.autocast(states.device.type, enabled=False):
            read = torch.cat((nothing_read, states), dim=1).to(self.output.weight.dtype)
            scores = exact(self.output(read)[..., 0])
        places = torch.arange(scores.shape[1], device=scores.device)
        return scores.gather(1, torch.minimum(places[None], mask.sum(1, keepdim=True)))

    def prefix_scores(self, sequence: Tensor, mask: Tensor) -> Tensor:
        """s_0 … s_L, (B, L + 1): s_0 is the score before the first word, the same for every text."""
        return self.embedded_prefixes(self.embed(sequence), mask)

    def score(self, embedded: Tensor, mask: Tensor) -> Tensor:
        """D(x) = (1/T) Σ_t s_t, the mean over the text's prefixes: every prefix learns to tell human text."""
        scores = self.embedded_prefixes(embedded, mask)[:, 1:]
        return (scores * mask).sum(1) / mask.sum(1).clamp(min=1)

    def forward(self, sequence: Tensor, mask: Tensor) -> Tensor:
        """Scores (B, L) of the prefixes."""
        return self.prefix_scores(sequence, mask)[:, 1:]


CRITICS: dict[str, type[Critic]] = {"recurrent": RecurrentCritic, "residual": ResidualCritic}


def build_critic(config: CriticConfig, vocab_size: int) -> Critic:
    """The critic named by `config.kind`."""
    return CRITICS[config.kind](config, vocab_size)
