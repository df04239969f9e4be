"""The objectives of a grammar whose trees are latent: one function, one weight, one row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from textvae.data.batch import Batch
from textvae.extras.trees.compound_pcfg import TreeOutput
from textvae.objectives.latent import kl


def tree_reconstruction(nll: Tensor) -> Tensor:
    """J_rec = −log p(x | z) = −log Σ_t p(x, t | z)  (Kim et al. 2019, eq. 5).

    nll: (B,) nats, all trees t summed out by the inside algorithm. With J_kl at weight 1 the two are the negative
    evidence lower bound; where there is no z, J_rec alone is −log p(x).
    """
    return nll


@dataclass(frozen=True)
class TreeOutputs:
    """What one phase has computed on one batch."""

    batch: Batch
    model: TreeOutput


def _penalty(outputs: TreeOutputs) -> Tensor:
    assert outputs.model.latent is not None, "this grammar has no z"
    return kl(outputs.model.latent)


TREE_OBJECTIVES: dict[str, Callable[[TreeOutputs], Tensor]] = {
    "J_rec": lambda o: tree_reconstruction(o.model.nll),
    "J_kl": _penalty,
}
