"""J_group: what sentences of a group share must look the same in each of them."""

from __future__ import annotations

from torch import Tensor


def group_distance(apart: Tensor) -> Tensor:
    """J_group = ½ ‖μ_i − μ̄‖², μ̄ the mean over the sentences of the group  (Kulkarni et al. 2015, sec. 3.3).

    The paper gives a clamped space the gradient μ_i − μ̄ in place of the reconstruction's, scaled by 1/100; this is the
    function that has it. apart: (B, Z), μ_i − μ̄ in the space that the group shares. Returns (B,).
    """
    return 0.5 * apart.square().sum(1)
