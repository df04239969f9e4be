"""Optimizers and their rates as pure functions of the step."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from textvae.training.config import TrainingConfig


def model_optimizer(parameters: Iterable[nn.Parameter], config: TrainingConfig) -> torch.optim.Optimizer:
    """Adam (Kingma & Ba 2015), AdamW with weight decay. `fused`: one kernel, a third of the default's time on a CPU."""
    if config.weight_decay > 0:
        return torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)
    return torch.optim.Adam(parameters, lr=config.learning_rate, fused=True)


def adversary_optimizer(parameters: Iterable[nn.Parameter], config: TrainingConfig) -> torch.optim.Optimizer:
    """RMSProp, as the paper trains its adversaries (John et al. 2019, sec. 4.3)."""
    return torch.optim.RMSprop(parameters, lr=config.adversary_learning_rate, foreach=True)


def rate_factor(step: int, total_steps: int, config: TrainingConfig) -> float:
    """What the peak rates are multiplied by at `step`: warm-up, then the decay down to .1."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(total_steps - config.warmup_steps, 1)
    if config.decay == "linear":
        return 1.0 - 0.9 * min(progress, 1.0)
    if config.decay == "cosine":
        return 0.1 + 0.45 * (1.0 + math.cos(math.pi * min(progress, 1.0)))
    return 1.0


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every parameter group the same rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate
