"""A vector that is written and read by place: what word t adds to it, and what it hears of it, is word t's own.

A recurrent network has to carry the first word of a sentence through all the others into the vector, and out of it
again. Here each of the first P places has its own linear map in both directions, with nothing to search: no attention,
and a vector of the same size whatever the length. It is the bottleneck of a plain recurrent autoencoder (John et al.
2019) with weights that are not the same at every step.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH = 128
"""Numbers in which a place is told: 128 of a state's 512 hold a word of the usual vocabularies."""


class WordsToVector(nn.Module):
    """Σ_t A_t B h_t over the words of a sentence, B shared, A_t of the place; words beyond place P share the last."""

    def __init__(self, places: int, state_size: int, vector_size: int):
        super().__init__()
        self.places = places
        self.narrow = nn.Linear(state_size, WIDTH, bias=False)
        self.gather = nn.Linear(places * WIDTH, vector_size, bias=False)

    def forward(self, states: Tensor) -> Tensor:
        """States (B, L, D), zero at padding → (B, V)."""
        words = self.narrow(states)
        spare = self.places - words.shape[1]
        if spare < 0:
            last = words[:, self.places - 1 :].sum(1, keepdim=True)
            words = torch.cat((words[:, : self.places - 1], last), dim=1)
        found: Tensor = self.gather(F.pad(words, (0, 0, 0, max(spare, 0))).flatten(1))
        return found


class VectorToWords(nn.Module):
    """C_t z for each place; words beyond place P hear what the last one does."""

    def __init__(self, places: int, vector_size: int):
        super().__init__()
        self.places = places
        self.spread = nn.Linear(vector_size, places * WIDTH)

    def forward(self, vector: Tensor) -> Tensor:
        """(B, V) → (B, P, W)."""
        found: Tensor = self.spread(vector).unflatten(1, (self.places, WIDTH))
        return found

    def along(self, told: Tensor, length: int) -> Tensor:
        """(B, P, W) → (B, L, W), what each of the first L words hears."""
        places = torch.arange(length, device=told.device).clamp(max=self.places - 1)
        return told[:, places]

    def at(self, told: Tensor, place: Tensor) -> Tensor:
        """(B, P, W) and the place (B,) of each row's word → (B, W)."""
        places = place.clamp(max=self.places - 1)[:, None, None].expand(-1, 1, told.shape[2])
        return told.gather(1, places)[:, 0]
