"""Noise for denoising: what the encoder reads, and what the decoder is fed (Shen et al. 2020; Bowman et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textvae.errors import UserError


@dataclass
class NoiseConfig:
    """Probabilities per token; the targets stay clean. All zero is the paper's setting."""

    drop: float = 0.0
    """Leave the token out (batches are then padded, a third slower)."""
    blank: float = 0.0
    """Replace it by `<mask>` in the encoder's input."""
    substitute: float = 0.0
    """Replace it by a random word in the encoder's input."""
    shuffle: float = 0.0
    """Window k of a local shuffle: tokens move fewer than k places (Lample et al. 2018, sec. 2.3)."""
    word_dropout: float = 0.0
    """Replace the decoder's input token by `<mask>`, so that it has to read z (Bowman et al. 2016, sec. 3.2)."""

    def __post_init__(self) -> None:
        for name in ("drop", "blank", "substitute", "word_dropout"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise UserError(f"noise.{name} is a probability below 1, not {getattr(self, name)}")
        if not self.shuffle >= 0:  # NaN too
            raise UserError(f"noise.shuffle is a window in tokens, not {self.shuffle}")


def corrupt(
    ids: np.ndarray, lengths: np.ndarray, config: NoiseConfig, vocab_size: int, mask_id: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Noised copy of padded ids (B, L) and the new lengths (B,). Every sentence keeps at least one token."""
    valid = np.arange(ids.shape[1]) < lengths[:, None]
    if config.shuffle > 0:
        places = np.arange(ids.shape[1]) + rng.random(ids.shape) * config.shuffle
        ids = np.take_along_axis(ids, np.where(valid, places, np.inf).argsort(axis=1, kind="stable"), axis=1)
    if config.substitute > 0:
        random_words = rng.integers(mask_id + 1, vocab_size, ids.shape)
        ids = np.where(valid & (rng.random(ids.shape) < config.substitute), random_words, ids)
    if config.blank > 0:
        ids = np.where(valid & (rng.random(ids.shape) < config.blank), mask_id, ids)
    if config.drop > 0:
        draw = np.where(valid, rng.random(ids.shape), -1.0)
        keep = valid & ((draw >= config.drop) | (draw == draw.max(axis=1, keepdims=True)))
        ids = np.take_along_axis(ids, (~keep).argsort(axis=1, kind="stable"), axis=1)
        lengths = keep.sum(axis=1)
    return ids, lengths
