"""J_pg: learning from the reward of sampled words, which has no gradient of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from textvae.modules.noise import exact


def prefix_rewards(scores: Tensor) -> Tensor:
    """r_t = s_t − s_{t−1}: what word t adds to the score of the text so far  (Wang & Lee 2018, method 2).

    scores: (B, L + 1) s_0 … s_L of the prefixes. Returns (B, L); they add up to s_L − s_0.
    """
    scores = exact(scores)
    return scores[:, 1:] - scores[:, :-1]


def discounted(rewards: Tensor, gamma: float, mask: Tensor) -> Tensor:
    """d_t = Σ_{j ≥ t} γ^{j−t} r_j: what follows from word t. rewards, mask: (B, L). Returns (B, L), 0 outside mask.

    γ = 1: every word has the text's whole remaining reward; γ = 0: only its own (0⁰ = 1).
    """
    rewards = exact(rewards).where(mask, 0.0)
    places = torch.arange(rewards.shape[1], device=rewards.device)
    ahead = places[None, :] - places[:, None]
    powers = (gamma ** ahead.clamp(min=0).to(rewards.dtype)).where(ahead >= 0, 0.0)
    return (rewards[:, None, :] * powers).sum(2).where(mask, 0.0)  # not a matmul: autocast would round it


def batch_centred(values: Tensor, mask: Tensor) -> Tensor:
    """Values minus their mean over the batch at the same position; (B, L), mask (B, L) → (B, L), 0 outside mask.

    The mean holds the row itself, so N rows shrink the expected gradient by 1 − 1/N (and one row has none). That is
    the papers' baseline; `leave_one_out` has no such factor.
    """
    values = exact(values).where(mask, 0.0)
    mean = values.sum(0) / mask.sum(0).clamp(min=1)
    return (values - mean).where(mask, 0.0)


def self_critical(sampled_reward: Tensor, greedy_reward: Tensor) -> Tensor:
    """A = r(sample) − r(argmax): the model's own greedy text is the baseline  (Rennie et al. 2017).

    Rewards (B,), for instance minus the reconstructor's loss. Returns (B,).
    """
    return exact(sampled_reward) - exact(greedy_reward)


def leave_one_out(rewards: Tensor) -> Tensor:
    """A_k = r_k − (1/(K−1)) Σ_{j≠k} r_j: the other samples are the baseline  (Kool et al. 2019).

    rewards: (B, K) of K ≥ 2 independent samples for the same document. Returns (B, K).
    """
    samples = rewards.shape[1]
    if samples < 2:
        raise ValueError(f"leave-one-out needs at least 2 samples for each document, not {samples}")
    rewards = exact(rewards)
    return (rewards - rewards.mean(1, keepdim=True)) * (samples / (samples - 1))


def reinforce(log_probs: Tensor, advantages: Tensor, mask: Tensor) -> Tensor:
    """J_pg = −A_t log p(y_t | y_<t, x), whose gradient is −∇ E[r] in expectation  (Williams 1992).

    log_probs: (B, L) nats of the sampled words, with their graph; advantages: (B, L), or (B, 1) for one of the whole
    text, taken as constants; mask: (B, L) bool, the words up to and with </s>. Returns (B, L), 0 outside mask.
    """
    return (-exact(advantages).detach() * exact(log_probs)).where(mask, 0.0)
