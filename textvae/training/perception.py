"""What a frozen encoder sees in transfers: the features of J_content_features and J_gram."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from textvae.data.batch import close, padded
from textvae.data.tokenized import TokenizedCorpus, evenly_spaced
from textvae.modules.attributes import LabelGroups, Sizes
from textvae.modules.frozen_features import FrozenFeatures, gram, mean_state
from textvae.modules.roll_out import without_dropout
from textvae.modules.style_guide import StyleGuide
from textvae.objectives.transfer import TransferOutput
from textvae.tokenization.config import SPECIAL

PERCEPTUAL_TERMS = frozenset({"J_content_features", "J_gram"})
PERCEPTUAL_TERMS = frozenset({"J_content_features", "J_gram"})
"""Terms that need a frozen encoder's view of x̂."""
Sentences = tuple[Tensor, Tensor]
"""Ids (n, L) with `</s>`, and their mask (n, L)."""


@dataclass
class Perception:
    """The eye: a frozen network, by default the guide, and sentences that show it what each style looks like.

    exemplars: real sentences of every label, those of several attributes one after the other. Their mean Gram matrix is
    taken when it is first asked for, the guide being frozen by then, and again after `--resume`: nothing of it has to
    be saved.
    """

    exemplars: list[Sentences]
    network: FrozenFeatures | None = None
    wanted: Tensor | None = None

    def __call__(self, found: TransferOutput, real: Sentences, guide: StyleGuide) -> TransferOutput:
        """x̂ with its states, and what these should be: the mean state of x, the Gram matrix of the style asked for."""
        eye = self.eye(guide, found.ids.device)
        assert found.points is not None
        with without_dropout(guide):
            states = eye(found.points, found.mask)
            with torch.no_grad():
                if self.wanted is None:
                    shown = [(ids.to(states.device), mask.to(states.device)) for ids, mask in self.exemplars]
                    self.wanted = torch.stack([gram(eye(*style), style[1]).mean(0) for style in shown])
                seen = mean_state(eye(*real), real[1])
        wanted = tuple(self.wanted[rows] for rows in guide.groups.rows(found.target).unbind(1))
        return replace(found, states=states, wanted_state=seen, wanted_gram=wanted)

    def eye(self, guide: StyleGuide, device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
        """The frozen network, on `device`."""
        return guide.states if self.network is None else self.network.to(device)


def exemplars(corpus: TokenizedCorpus, styles: Sizes, count: int) -> list[Sentences]:
    """`count` sentences of each label of each attribute, evenly spaced over the training data."""
    sizes, labels = LabelGroups.of(styles).sizes, corpus.labels.reshape(len(corpus), -1)
    found = []
    for attribute, label in ((a, k) for a, size in enumerate(sizes) for k in range(size)):
        rows = np.flatnonzero(labels[:, attribute] == label)
        rows = rows[evenly_spaced(len(rows), count)]
        ids = torch.from_numpy(close(*padded([corpus.sentence(int(row)) for row in rows])))
        found.append((ids, ids != SPECIAL.pad))
    return found
