"""Reparameterisation noise: a function of seed, stream and row, and of nothing else."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textvae.modules.noise import NoiseKey, mix, standard_normal

ROWS, SIZE = 12, 5


def draw(key: NoiseKey, rows: int = ROWS, stream: int = 0, size: int = SIZE) -> torch.Tensor:
    return standard_normal(torch.zeros(rows, size), key, stream)


def test_equal_keys_give_equal_noise_whatever_the_global_generator_did() -> None:
    torch.manual_seed(1)
    first = draw(NoiseKey(3, 0, ROWS))
    torch.manual_seed(2)
    assert torch.equal(first, draw(NoiseKey(3, 0, ROWS)))


def test_every_row_has_its_own_noise() -> None:
    eps = draw(NoiseKey(3, 0, ROWS))
    assert len(eps.unique(dim=0)) == ROWS
    assert len(eps.unique()) == ROWS * SIZE


def test_noise_differs_by_step_and_by_space() -> None:
    draws = [draw(NoiseKey(seed, 0, ROWS), stream=stream) for seed in (3, 4) for stream in (0, 1)]
    values = torch.stack(draws).flatten()
    assert len(values.unique()) == len(values)


@given(st.integers(1, ROWS - 1))
def test_noise_does_not_depend_on_the_split(cut: int) -> None:
    whole = draw(NoiseKey(3, 0, ROWS))
    parts = [draw(NoiseKey(3, 0, ROWS), cut), draw(NoiseKey(3, 0, ROWS).part(cut), ROWS - cut)]
    assert torch.equal(torch.cat(parts), whole)


def test_parts_of_parts_add_up() -> None:
    assert NoiseKey(3, 2, ROWS).part(4).part(1) == NoiseKey(3, 7, ROWS)


def test_without_a_key_the_global_generator_is_used() -> None:
    torch.manual_seed(1)
    first = standard_normal(torch.zeros(ROWS, SIZE), None, 0)
    assert not torch.equal(first, standard_normal(torch.zeros(ROWS, SIZE), None, 0))
    torch.manual_seed(1)
    assert torch.equal(first, standard_normal(torch.zeros(ROWS, SIZE), None, 0))


@pytest.mark.parametrize("key", [None, NoiseKey(7, 0, 20000)])
def test_noise_is_standard_normal(key: NoiseKey | None) -> None:
    torch.manual_seed(0)
    eps = standard_normal(torch.zeros(20000, 2), key, 0).double()
    # Five standard errors of a mean (1/√N), of a variance (√(2/N)) and of a correlation (1/√N).
    assert eps.mean(0).abs().max() < 5 / 20000**0.5
    assert (eps.var(0) - 1).abs().max() < 5 * (2 / 20000) ** 0.5
    assert abs(float(torch.corrcoef(eps.T)[0, 1])) < 5 / 20000**0.5


def test_seeds_that_are_neighbours_are_not_correlated() -> None:
    eps = torch.stack([draw(NoiseKey(seed, 0, 4000), 4000, size=1)[:, 0] for seed in range(4)]).double()
    off_diagonal = torch.corrcoef(eps) - torch.eye(4)
    assert off_diagonal.abs().max() < 5 / 4000**0.5


def test_mix_is_the_same_everywhere() -> None:
    # Known numbers: a change would silently change every run's noise and batches.
    assert [mix(0), mix(1, 2), mix(2, 1)] == [
        7795324965117060851,
        2820027299245414178,
        9013513610502385441,
    ]
    assert len({mix(a, b) for a in range(40) for b in range(40)}) == 1600


@given(st.lists(st.integers(-(2**63), 2**64 - 1), min_size=1, max_size=4))
def test_mix_is_a_valid_seed(numbers: list[int]) -> None:
    assert 0 <= mix(*numbers) < 2**63
    torch.Generator().manual_seed(mix(*numbers))
