"""Symbols to bytes and back: arithmetic coding, adaptive tables, numbers, strings, quantisers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textvae.errors import UserError
from textvae.extras.compression.byte_model import ByteModel
from textvae.extras.compression.frequencies import TOTAL, AdaptiveNumber, AdaptiveTable, CodeTables, cumulative
from textvae.extras.compression.quantisers import KINDS, Quantiser
from textvae.extras.compression.range_coder import LARGEST_TOTAL, RangeDecoder, RangeEncoder
from textvae.extras.compression.word_model import AdaptiveNgrams

Message = list[tuple[list[int], int]]


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Symbols, each under any valid cumulative frequencies of its own: some 0, some enormous."""
    found: Message = []
    for _ in range(draw(st.integers(0, 60))):
        size = draw(st.integers(1, 8))
        frequencies = draw(st.lists(st.sampled_from([0, 1, 2, 7, 255, 2**16, 2**28]), min_size=size, max_size=size))
        symbol = draw(st.integers(0, size - 1))
        frequencies[symbol] = max(frequencies[symbol], 1)
        found.append(([0, *np.cumsum(frequencies).tolist()], symbol))
    return found


def coded(message: Message) -> bytes:
    encoder = RangeEncoder()
    for sums, symbol in message:
        assert encoder.code(sums, symbol) == symbol
    return encoder.finish()


@settings(deadline=None)
@given(messages(), st.booleans())
def test_any_symbols_under_any_frequencies_come_back(message: Message, arrays: bool) -> None:
    data = coded(message)
    decoder = RangeDecoder(data)
    assert [decoder.code(np.array(s) if arrays else s) for s, _ in message] == [symbol for _, symbol in message]
    ideal = sum(-math.log2((s[x + 1] - s[x]) / s[-1]) for s, x in message)
    assert 8 * len(data) <= ideal + 16 + 0.01 * len(message)


@given(st.integers(1, 2000), st.sampled_from([0, 1]))
def test_carries_run_through_all_bytes(length: int, last: int) -> None:
    """Nearly certain symbols at the top of the interval leave bytes of 255, which a carry must turn over."""
    message = [([0, 1, LARGEST_TOTAL], 1)] * length + [([0, 1, 2], last)] * 64
    decoder = RangeDecoder(coded(message))
    assert [decoder.code(s) for s, _ in message] == [symbol for _, symbol in message]


def test_what_has_no_frequency_cannot_be_coded() -> None:
    for sums in ([0, 0, 5], [0, 5, 5 * LARGEST_TOTAL]):
        with pytest.raises(ValueError, match="cannot be coded"):
            RangeEncoder().code(sums, 0)


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_decode_to_some_symbol(data: bytes) -> None:
    decoder = RangeDecoder(data)
    assert all(0 <= decoder.code([0, 3, 3, 10, 2**30]) < 4 for _ in range(50))


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 400), st.floats(0.1, 60))
def test_frequencies_are_integers_above_0_that_sum_to_the_total(seed: int, size: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=spread, size=(3, size))
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    found = cumulative(p)
    frequencies = np.diff(found, axis=1)
    assert (found[:, 0] == 0).all() and (found[:, -1] == TOTAL).all() and (frequencies > 0).all()
    assert np.array_equal(found, cumulative(p.copy()))
    np.testing.assert_allclose(frequencies / TOTAL, p, atol=3 * size / TOTAL + 1e-4)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 2**31 - 2), max_size=40), st.lists(st.integers(0, 4), max_size=200))
def test_numbers_and_tables_come_back(numbers: list[int], symbols: list[int]) -> None:
    encoder, table, number = RangeEncoder(), AdaptiveTable(5), AdaptiveNumber()
    for n in numbers:
        number.code(encoder, n)
    for s in symbols:
        table.code(encoder, s)
    decoder, table, number = RangeDecoder(encoder.finish()), AdaptiveTable(5), AdaptiveNumber()
    assert [number.code(decoder, None) for _ in numbers] == numbers
    assert [table.code(decoder, None) for _ in symbols] == symbols


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(max_size=40) | st.text(max_size=20).map(str.encode), max_size=12))
def test_any_strings_come_back(strings: list[bytes]) -> None:
    encoder, model = RangeEncoder(), ByteModel(most=50)
    for string in strings:
        model.code(encoder, string)
    decoder, model = RangeDecoder(encoder.finish()), ByteModel(most=50)
    assert [model.code(decoder, None) for _ in strings] == strings


def test_a_string_that_was_read_before_is_cheap() -> None:
    def bytes_of(model: ByteModel) -> int:
        encoder = RangeEncoder()
        model.code(encoder, b"antidisestablishmentarianism")
        return len(encoder.finish())

    known = ByteModel()
    known.read(b"antidisestablishmentarianism")
    assert 3 * bytes_of(known) < bytes_of(ByteModel())


def test_codes_get_cheaper_when_they_are_learnt_and_cost_what_is_said() -> None:
    quantiser = Quantiser("uniform", 5, 2.0)
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, size=(300, 7))
    tables = CodeTables(quantiser.borders(), 7)
    before = tables.bits(codes).sum()
    tables.learn(codes)
    encoder = RangeEncoder()
    for row in codes:
        tables.code(encoder, row.tolist())
    data = encoder.finish()
    assert tables.bits(codes).sum() < 0.6 * before
    assert abs(8 * len(data) - tables.bits(codes).sum()) < 20
    decoder, again = RangeDecoder(data), CodeTables(quantiser.borders(), 7)
    again.learn(codes)
    assert [again.code(decoder, None) for _ in codes] == codes.tolist()


@given(
    st.sampled_from(KINDS),
    st.integers(2, 300),
    st.floats(0.1, 50),
    st.lists(st.floats(-60, 60), min_size=1, max_size=30),
)
def test_a_quantiser_gives_the_nearest_of_its_values(
    kind: str, levels: int, limit: float, numbers: list[float]
) -> None:
    quantiser = Quantiser(kind, levels, limit)
    x = np.array(numbers)
    codes = quantiser.codes(x)
    values = quantiser.values(np.arange(levels)).astype(np.float64)
    assert (codes >= 0).all() and (codes < levels).all() and (np.diff(values) > 0).all()
    np.testing.assert_allclose([values[0], values[-1]], [-limit, limit], rtol=1e-6)
    np.testing.assert_array_equal(quantiser.codes(values), np.arange(levels))
    borders = quantiser.borders()
    assert (np.diff(borders) > 0).all() and (values[:-1] < borders + 1e-6).all() and (borders < values[1:] + 1e-6).all()
    np.testing.assert_array_equal(
        codes[np.abs(np.subtract.outer(x, borders)).min(1) > 1e-6],
        np.searchsorted(borders, x)[np.abs(np.subtract.outer(x, borders)).min(1) > 1e-6],
    )


def test_companding_is_that_of_g711_and_finer_near_0() -> None:
    quantiser = Quantiser("mulaw", 255, 1.0)
    np.testing.assert_allclose(quantiser.companded(np.array([0.0, 1 / 255, -1.0])), [0, np.log(2) / np.log(256), -1])
    values = quantiser.values(np.arange(255))
    assert values[127] == 0 and values[128] - values[127] < 0.01 * (values[254] - values[253])
    for bad in (("square", 4, 1.0), ("uniform", 1, 1.0), ("uniform", 4, 0.0), ("mulaw", 4, float("nan"))):
        with pytest.raises(UserError):
            Quantiser(*bad)


def test_ngrams_sum_to_one_and_agree_with_single_words() -> None:
    model = AdaptiveNgrams(30)
    for context in ([], [(1,)]):
        assert model.distribution([c for c in context if c in model.after]).sum() == pytest.approx(1)
    rng = np.random.default_rng(0)
    model.learn([rng.integers(5, 30, size=6).tolist() + [2] for _ in range(50)], start=1)
    line = (1, 7, 9)
    contexts = model.contexts(line)
    whole = model.distribution(contexts)
    assert contexts and whole.sum() == pytest.approx(1) and (whole > 0).all()
    np.testing.assert_allclose([model.probability(contexts, w) for w in range(30)], whole)


def test_ngrams_golden() -> None:
    """c(a b) = 2, c(a c) = 1, c(a ·) = 3 and T(a) = 2 give p(b | a) = (2 + 2 p(b)) / 5."""
    model = AdaptiveNgrams(6)
    model.learn([[4], [4], [5]], start=3)
    base = model.base
    unigram = (2 + 2 * base[4]) / 5
    assert model.unigrams[4] == pytest.approx(unigram)
    assert model.distribution([(3,)])[4] == pytest.approx((2 + 2 * unigram) / 5)
