"""J_rec."""

from __future__ import annotations

from torch import Tensor


def reconstruction(token_nll: Tensor) -> Tensor:
    """J_rec = −Σ_t log p(x_t | z_s, z_c, x_<t)  (John et al. 2019, eq. 1).

    token_nll: (B, L) nats, 0 at padding. Returns it as it is: the step sums over the *global* number of tokens, so
    J_rec is nats per token, as in the authors' code.
    """
    return token_nll
