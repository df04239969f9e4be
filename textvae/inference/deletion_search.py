"""Beam search among the shorter forms of a sentence: the network says which is likely, the sentence what is allowed.

A candidate is a path over places of the sentence, each step to a word that may follow (`Sentence.joins`), from where a
text may begin to where it may end. So what is found is made of the document's own words, in its order, and complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from textvae.inference.compressions import Sentence
from textvae.inference.search import NEVER, Step
from textvae.modules.decoders import DecoderState
from textvae.tokenization.config import SPECIAL

FAR = 1 << 20
"""More words than any text has."""


@dataclass(frozen=True)
class Lattice:
    """What may follow what in a sentence of n words.

    places: (N,) of the nodes, N >= n: `will` of a headline has one more node, which writes `to`. ids: (N,) tokens.
    after: (N + 1, N) bool whether a node may follow another, row N for the beginning. ends: (N,) bool whether a text
    may end there. verbs: (N,) bool; where there are some, no text ends before one. left: (2, N) fewest words from
    a node to an end, before and after a verb, FAR where there is none.
    """

    places: np.ndarray
    ids: np.ndarray
    after: np.ndarray
    ends: np.ndarray
    verbs: np.ndarray
    left: np.ndarray

    @classmethod
    def of(cls, sentence: Sentence, ids: Sequence[int], to: int | None = None) -> Lattice:
        """The lattice of a sentence with token `ids` (n,). to: the token `to`, which a headline writes for `will`."""
        places, tokens = list(range(len(ids))), list(ids)
        if sentence.headline and to is not None:
            future = [place for place, word in enumerate(sentence.lower[: len(ids)]) if word in ("will", "would")]
            places, tokens = places + future, tokens + [to] * len(future)
        size, own = len(places), len(ids)
        after, ends = np.zeros((size + 1, size), dtype=bool), np.zeros(size, dtype=bool)
        for i in range(own):
            ends[i] = i == own - 1 if sentence.stops and not sentence.headline else sentence.ends_at(i)
            after[size, i] = sentence.begins_at(i)
            after[i, list(sentence.following(i))] = True
        for node in range(own, size):
            place = places[node]
            after[node, place + 1 : own] = after[place, place + 1 : own]
            after[:place, node] = [sentence.promises(i, place) for i in range(place)]
        verbs = np.array([sentence.acts_at(place) for place in places])
        verbs[own:] = True
        return cls(np.array(places), np.array(tokens), after, ends, verbs, _left(after[:size], ends, verbs, places))


def _left(after: np.ndarray, ends: np.ndarray, verbs: np.ndarray, places: Sequence[int]) -> np.ndarray:
    """Fewest words from each node to an end, (2, N): before a verb and after one; the node's own word is written."""
    left = np.full((2, len(places)), FAR)
    left[1, ends] = 0
    left[0, ends & (verbs | (not verbs.any()))] = 0
    for node in sorted(range(len(places)), key=lambda node: -places[node]):
        if after[node].any():
            for seen in (0, 1):
                onward = left[seen or int(verbs[node]), after[node]].min()
                left[seen, node] = min(left[seen, node], 1 + int(onward))
    return left


@dataclass(frozen=True)
class Path:
    """A candidate: nodes of its lattice, and log p of its tokens with `</s>`."""

    nodes: tuple[int, ...]
    score: float


@dataclass(frozen=True)
class _Batch:
    """Lattices of R rows as tensors: ids (R, N), after (R, N + 1, N), ends and verbs (R, N), left (R, 2, N); padded."""

    ids: Tensor
    after: Tensor
    ends: Tensor
    verbs: Tensor
    left: Tensor

    @classmethod
    def of(cls, lattices: Sequence[Lattice], device: torch.device) -> _Batch:
        size = max(len(x.ids) for x in lattices)
        ids = np.zeros((len(lattices), size), dtype=np.int64)
        after = np.zeros((len(lattices), size + 1, size), dtype=bool)
        ends, verbs = np.zeros((2, len(lattices), size), dtype=bool)
        left = np.full((len(lattices), 2, size), FAR)
        for row, x in enumerate(lattices):
            n = len(x.ids)
            ids[row, :n], ends[row, :n], left[row, :, :n] = x.ids, x.ends, x.left
            verbs[row, :n] = x.verbs | (not x.verbs.any())
            after[row, :n, :n], after[row, size, :n] = x.after[:n], x.after[n]
        return cls(*(torch.from_numpy(x).to(device) for x in (ids, after, ends, verbs, left)))


def search(
    step: Step, state: DecoderState, lattices: Sequence[Lattice], most: Sequence[int], beam: int
) -> list[list[Path]]:
    """All texts that a beam of `beam` nodes ends on its way, of at most `most` words, for each row of a state."""
    device = torch.device("cpu") if not lattices else _device(state)
    found: list[list[Path]] = [[] for _ in lattices]
    if not lattices:
        return found
    batch = _Batch.of(lattices, device)
    rows, width = len(lattices), 1
    limit = torch.tensor(most, device=device)
    live = torch.zeros(rows, 1, device=device)
    nodes = torch.full((rows, 1), batch.ids.shape[1], device=device)  # the beginning
    paths = nodes.new_zeros(rows, 1, 0)
    current = torch.full((rows,), SPECIAL.bos, device=device)
    acted = torch.zeros(rows, 1, dtype=torch.bool, device=device)
    number = torch.arange(rows, device=device)
    for written in range(max(most) + 1):
        log_probs, state = step(current, state)
        log_probs = log_probs.view(len(number), width, -1)
        if written:
            _collect(
                found, number, paths, live + log_probs[:, :, SPECIAL.eos], acted & batch.ends[number[:, None], nodes]
            )
        gains = log_probs.gather(2, batch.ids[number][:, None].expand(-1, width, -1))
        fits = batch.left[number[:, None], acted.long()] + written < limit[number, None, None]
        open_ = batch.after[number[:, None], nodes] & fits
        onward = (live[:, :, None] + gains).masked_fill(~open_, NEVER).flatten(1)
        best, place = onward.topk(min(beam, onward.shape[1]), dim=1)
        keep = (best[:, 0] > NEVER).nonzero()[:, 0]
        if not len(keep):
            break
        size = batch.ids.shape[1]
        parents, chosen = place[keep] // size, place[keep] % size
        state = state.select((keep[:, None] * width + parents).flatten())
        taken = paths[keep].gather(1, parents[:, :, None].expand(-1, -1, written))
        paths, nodes, live, number = torch.cat((taken, chosen[:, :, None]), dim=2), chosen, best[keep], number[keep]
        width = nodes.shape[1]
        acted = acted[keep].gather(1, parents) | batch.verbs[number[:, None], nodes]
        current = batch.ids[number[:, None], nodes].flatten()
    return found


def _collect(found: list[list[Path]], number: Tensor, paths: Tensor, scores: Tensor, ends: Tensor) -> None:
    """Put down the prefixes that are texts."""
    for row, column in (ends & (scores > NEVER)).nonzero().tolist():
        found[int(number[row])].append(Path(tuple(paths[row, column].tolist()), float(scores[row, column])))


def _device(state: DecoderState) -> torch.device:
    """Where a state lives."""
    source: Tensor = state.source  # type: ignore[attr-defined]
    return source.device
