"""The measures themselves, as functions of tensors."""

from __future__ import annotations

import math

import torch
from torch import Tensor

ROWS = 128
"""Samples compared with all posteriors at once: 128 × 1,000 × 64 numbers are 33 MB."""


def importance_weighted_nll(log_weights: Tensor) -> Tensor:
    """−log (1/K) Σ_k w_k, w_k = p(x | z_k) p(z_k) / q(z_k | x)  (Burda et al. 2016, eq. 8).

    log_weights: (K, B) nats. Returns (B,): an upper bound of −log p(x) on average, tight as K grows; K = 1 is the
    negative evidence lower bound.
    """
    return math.log(len(log_weights)) - log_weights.logsumexp(0)


def log_aggregate(z: Tensor, means: Tensor, log_vars: Tensor) -> Tensor:
    """log q(z) = log (1/N) Σ_n N(z; μ_n, σ_n²)  (Hoffman & Johnson 2016): z (M, Z), posteriors (N, Z) → (M,)."""
    found = []
    for part in z.split(ROWS):
        squares = (part[:, None] - means) ** 2 * (-log_vars).exp() + log_vars + math.log(2 * math.pi)
        found.append((-0.5 * squares.sum(-1)).logsumexp(1) - math.log(len(means)))
    return torch.cat(found)


def mutual_information(log_posterior: Tensor, log_aggregate: Tensor) -> float:
    """I_q(x; z) = E log q(z | x) − E log q(z)  (He et al. 2019, sec. 3.1), both (N,) at z_n ~ q(z | x_n).

    With q(z) estimated from the same N posteriors it cannot exceed log N.
    """
    return float((log_posterior - log_aggregate).mean())


def active_units(means: Tensor, threshold: float) -> int:
    """Dimensions with Var_x E[z_j | x] > threshold  (Burda et al. 2016, sec. 5.3): means (N, Z)."""
    return int((means.var(0, correction=0) > threshold).sum())


def code_use(codes: Tensor, size: int) -> tuple[float, int]:
    """exp(−Σ_k p_k log p_k), the perplexity of the entries in codes (N, M), and how many of `size` occur at all."""
    counts = torch.bincount(codes.flatten(), minlength=size).double()
    shares = counts / counts.sum()
    return float((-torch.special.xlogy(shares, shares).sum()).exp()), int((counts > 0).sum())


def position_gain(with_z: Tensor, without: Tensor, valid: Tensor, positions: int) -> list[float]:
    """Mean of log p(x_t | z ~ q(z | x)) − log p(x_t | z ~ p(z)) at each of the first positions, nats.

    with_z, without: (N, L) negative log-probabilities; valid: (N, L) which words there are. Stops where none are left.
    """
    counts = valid.sum(0)[:positions]
    gains = ((without - with_z) * valid).sum(0)[:positions]
    return [float(g / c) for g, c in zip(gains, counts, strict=True) if c > 0]
