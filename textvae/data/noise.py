"""Noise for denoising: what the encoder reads, and what the decoder is fed (Shen et al. 2020; Bowman et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable
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
    ids: np.ndarray,
    lengths: np.ndarray,
    config: NoiseConfig,
    vocab_size: int,
    mask_id: int,
    rng: np.random.Generator,
    kept: Callable[[np.ndarray], np.ndarray] | None = None,
    starts: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Noised copy of padded ids (B, L) and the new lengths (B,). Every sentence keeps at least one token.

    kept: which ids (B, L) are never dropped, as bool. starts: which ids begin a word, as bool; what follows them goes
    where they go, and is dropped with them.
    """
    valid = np.arange(ids.shape[1]) < lengths[:, None]
    if config.shuffle > 0:
        groups = _groups(ids, starts)
        places = groups + _by_word(rng.random(ids.shape), groups) * config.shuffle
        ids = np.take_along_axis(ids, np.where(valid, places, np.inf).argsort(axis=1, kind="stable"), axis=1)
    if config.substitute > 0:
        random_words = rng.integers(mask_id + 1, vocab_size, ids.shape)
        ids = np.where(valid & (rng.random(ids.shape) < config.substitute), random_words, ids)
    if config.blank > 0:
        ids = np.where(valid & (rng.random(ids.shape) < config.blank), mask_id, ids)
    if config.drop > 0:
        draw = np.where(valid, _by_word(rng.random(ids.shape), _groups(ids, starts)), -1.0)
        keep = valid & ((draw >= config.drop) | (draw == draw.max(axis=1, keepdims=True)))
        if kept is not None:
            keep |= valid & kept(ids)
        ids = np.take_along_axis(ids, (~keep).argsort(axis=1, kind="stable"), axis=1)
        lengths = keep.sum(axis=1)
    return ids, lengths


def _groups(ids: np.ndarray, starts: Callable[[np.ndarray], np.ndarray] | None) -> np.ndarray:
    """The number of the word that each token of ids (B, L) belongs to."""
    if starts is None:
        return np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
    begins = np.array(starts(ids))
    begins[:, 0] = True
    number: np.ndarray = begins.cumsum(axis=1) - 1
    return number


def _by_word(draws: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """One draw for all tokens of a word."""
    return np.take_along_axis(draws, groups, axis=1)
