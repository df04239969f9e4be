"""Laws of decoding, for every kind of decoder and every strategy."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from textvae.errors import UserError
from textvae.inference import search
from textvae.inference.decoding import Decoded, DecodingConfig, draw, nucleus, row_keys, uniform
from textvae.inference.search import NEVER, Constraints, repeating, top
from textvae.modules.output import AdaptiveOutputLayer
from textvae.tokenization.config import SpecialIds

from .conftest import BOS, EOS, MASK, PAD, UNK, VOCABULARY, Writer

STRATEGIES: dict[str, dict[str, object]] = {
    "greedy": {},
    "beam": {"strategy": "beam", "beam": 4, "num_candidates": 3},
    "sample": {"strategy": "sample", "num_candidates": 3, "top_p": 0.95, "temperature": 1.2},
    "constrained": {"strategy": "beam", "beam": 3, "no_repeat_ngram": 2, "min_length": 4},
}
every_strategy = pytest.mark.parametrize("options", STRATEGIES.values(), ids=STRATEGIES)


def sentences(decoded: Decoded) -> list[list[list[int]]]:
    """Tokens without padding."""
    return [
        [row[:length].tolist() for row, length in zip(rows, lengths, strict=True)]
        for rows, lengths in zip(decoded.tokens, decoded.lengths.tolist(), strict=True)
    ]


def flat(decoded: Decoded) -> list[list[int]]:
    return [c for row in sentences(decoded) for c in row if c]


def test_the_stand_in_is_not_trivial(writer: Writer, memory: Tensor) -> None:
    lengths = writer.write(memory).lengths
    assert len(set(lengths.flatten().tolist())) >= 3, "the laws below need sentences of several lengths"
    assert len({tuple(s) for s in flat(writer.write(memory))}) >= 5


@every_strategy
def test_scores_are_those_of_the_teacher_forced_pass(
    writer: Writer, memory: Tensor, options: dict[str, object]
) -> None:
    decoded = writer.write(memory, **options)
    for row, candidates in enumerate(sentences(decoded)):
        for place, tokens in enumerate(candidates):
            expected = writer.teacher_forced(memory[row], torch.tensor(tokens)).sum()
            torch.testing.assert_close(decoded.scores[row, place], expected, rtol=1e-9, atol=1e-9)


@every_strategy
def test_alone_is_as_in_a_batch(writer: Writer, memory: Tensor, options: dict[str, object]) -> None:
    together = sentences(writer.write(memory, **options))
    alone = [sentences(writer.write(memory[i : i + 1], torch.tensor([i]), **options))[0] for i in range(len(memory))]
    assert alone == together


@every_strategy
def test_permuting_rows_permutes_outputs(writer: Writer, memory: Tensor, options: dict[str, object]) -> None:
    order = torch.randperm(len(memory), generator=torch.Generator().manual_seed(0))
    straight = sentences(writer.write(memory, **options))
    assert sentences(writer.write(memory[order], order, **options)) == [straight[i] for i in order.tolist()]


@every_strategy
@pytest.mark.parametrize("max_length", [1, 5])
def test_form_of_a_sentence(writer: Writer, memory: Tensor, options: dict[str, object], max_length: int) -> None:
    with torch.no_grad():  # make what must never be written the likeliest
        writer.output.linear.bias[[PAD, BOS, UNK, MASK]] = 50.0
    decoded = writer.write(memory, **{**options, "min_length": 1, "max_length": max_length})
    longest = 0
    for tokens in flat(decoded):
        assert tokens[-1] == EOS and tokens.count(EOS) == 1
        assert not {PAD, BOS, UNK, MASK} & set(tokens)
        assert 1 < len(tokens) <= max_length + 1
        longest = max(longest, len(tokens))
    assert longest == max_length + 1, "the limit was never reached, so nothing was tested"
    after = torch.arange(decoded.tokens.shape[2]) >= decoded.lengths[:, :, None]
    assert (decoded.tokens[after] == PAD).all()


def test_unk_is_written_only_if_allowed(writer: Writer, memory: Tensor) -> None:
    with torch.no_grad():
        writer.output.linear.bias[UNK] = 50.0
    assert all(UNK not in s for s in flat(writer.write(memory)))
    assert all(UNK in s for s in flat(writer.write(memory, allow_unk=True)))


def test_words_do_not_depend_on_whether_scores_are_asked_for(writer: Writer, memory: Tensor) -> None:
    scored, plain = writer.write(memory), writer.write(memory, scored=False)
    torch.testing.assert_close(plain.tokens, scored.tokens)
    torch.testing.assert_close(plain.lengths, scored.lengths)
    assert plain.scores.isnan().all() and scored.scores.isfinite().all()


@pytest.mark.parametrize("options", [{}, {"allow_unk": True}, {"no_repeat_ngram": 2}, {"min_length": 4}])
@pytest.mark.parametrize("beam", [1, 3, 12])
def test_words_that_cannot_be_among_the_best_need_not_be_computed(
    writer: Writer, memory: Tensor, beam: int, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an adaptive softmax a beam computes the clusters of those prefixes alone that may go on with their words."""
    torch.manual_seed(4)
    layer = AdaptiveOutputLayer(24, VOCABULARY, head=10, second=25)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(12.0)
        layer.head.bias[[BOS, MASK]] = 20.0  # likely, and never written: no reason to forget what is less likely
        layer.head.bias[-2:] += 1.0  # of the clusters, so that rare words are written too
    writer = replace(writer, output=layer.double())
    wanted: dict[str, object] = {"strategy": "beam", "beam": beam, "num_candidates": beam, **options}
    rows = [0, 0]
    for tail in layer.tails:
        tail.register_forward_pre_hook(lambda _, given: rows.__setitem__(0, rows[0] + len(given[0])))
    found = writer.write(memory, **wanted)
    rows.reverse()
    monkeypatch.setattr(search, "worth", lambda live, *_: torch.full_like(live, NEVER).flatten())
    everything = writer.write(memory, **wanted)
    assert sentences(found) == sentences(everything)
    torch.testing.assert_close(found.scores, everything.scores, rtol=1e-12, atol=1e-12)
    assert rows[1] == rows[0] if "no_repeat_ngram" in options else 0 < rows[1] < rows[0]
    used = {token for tokens in flat(found) for token in tokens}
    assert max(used) >= 10, "rare words are written too, or nothing was tested"


def test_beam_of_one_is_greedy(writer: Writer, memory: Tensor) -> None:
    greedy, beam = writer.write(memory), writer.write(memory, strategy="beam", beam=1)
    assert sentences(greedy) == sentences(beam)
    torch.testing.assert_close(greedy.scores, beam.scores)


def test_dropping_finished_rows_changes_nothing(
    writer: Writer, memory: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "COMPACT_AT", 1.0)
    eager = writer.write(memory)
    monkeypatch.setattr(search, "COMPACT_AT", -1.0)
    never = writer.write(memory)
    assert sentences(eager) == sentences(never)
    torch.testing.assert_close(eager.scores, never.scores)


def test_finished_rows_leave_the_batch(writer: Writer, memory: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    step = type(writer.decoder).step

    def counted(self, tokens, state, embedding):  # type: ignore[no-untyped-def]
        sizes.append(len(tokens))
        return step(self, tokens, state, embedding)

    monkeypatch.setattr(type(writer.decoder), "step", counted)
    lengths = writer.write(memory).lengths[:, 0]
    open_rows = [int((lengths > t).sum()) for t in range(int(lengths.max()))]
    assert len(sizes) == len(open_rows)
    assert all(size <= max(rows / search.COMPACT_AT + 1, 1) for size, rows in zip(sizes, open_rows, strict=True))


@torch.no_grad()
def test_a_wide_beam_is_exhaustive_search(writer: Writer, memory: Tensor) -> None:
    """With a beam as wide as the number of prefixes, the best sentence of at most two words is found."""
    words = [w for w in range(writer.embedding.num_embeddings) if w not in (PAD, BOS, EOS, UNK, MASK)]
    choices = [[w] for w in words] + [list(pair) for pair in itertools.product(words, words)]
    options = {"strategy": "beam", "beam": len(choices), "max_length": 2, "length_penalty": 0.7}
    decoded = writer.write(memory[:1], **options, num_candidates=5)
    inputs = torch.tensor([[BOS, *c, EOS, PAD][:3] for c in choices])
    hidden = writer.decoder(memory[:1].expand(len(choices), -1, -1), writer.embedding(inputs))
    log_probs = writer.output.log_probs(hidden.flatten(0, 1)).view(len(choices), 3, -1)
    totals = [sum(float(lp[i, t]) for i, t in enumerate([*c, EOS])) for lp, c in zip(log_probs, choices, strict=True)]
    ranked = sorted(zip(totals, choices, strict=True), key=lambda x: x[0] / (len(x[1]) + 1) ** 0.7, reverse=True)
    assert sentences(decoded)[0] == [[*c, EOS] for _, c in ranked[:5]]
    torch.testing.assert_close(decoded.scores[0], torch.tensor([t for t, _ in ranked[:5]], dtype=torch.float64))


def test_a_beam_finds_what_greedy_misses(writer: Writer, memory: Tensor) -> None:
    greedy = writer.write(memory, length_penalty=0.0)
    beam = writer.write(memory, strategy="beam", beam=8, length_penalty=0.0)
    assert (beam.scores[:, 0] >= greedy.scores[:, 0] - 1e-9).float().mean() > 0.7
    assert (beam.scores[:, 0] > greedy.scores[:, 0] + 1e-6).any()


def test_candidates_are_distinct_and_ranked(writer: Writer, memory: Tensor) -> None:
    decoded = writer.write(memory, strategy="beam", beam=5, num_candidates=5, length_penalty=0.8)
    ranks = decoded.scores / decoded.lengths**0.8
    assert (ranks[:, :-1] >= ranks[:, 1:]).all()
    for candidates in sentences(decoded):
        assert len({tuple(c) for c in candidates}) == 5


def test_a_higher_length_penalty_gives_longer_sentences(writer: Writer, memory: Tensor) -> None:
    lengths = [
        float(writer.write(memory, strategy="beam", beam=6, length_penalty=p).lengths.float().mean())
        for p in (0.0, 3.0)
    ]
    assert lengths[0] < lengths[1]


def test_no_ngram_is_repeated(writer: Writer, memory: Tensor) -> None:
    with torch.no_grad():
        writer.output.linear.bias[7:9] = 30.0  # left alone, it would write 7 and 8 for ever
        writer.output.linear.bias[EOS] = -30.0
    for options in ({}, {"strategy": "beam", "beam": 3}):
        free = flat(writer.write(memory, **options))
        assert any(len(set(zip(s, s[1:], strict=False))) < len(s) - 1 for s in free)
        for n in (1, 2, 3):
            for s in flat(writer.write(memory, no_repeat_ngram=n, **options)):
                ngrams = list(zip(*(s[i:] for i in range(n)), strict=False))
                assert len(ngrams) == len(set(ngrams))


@pytest.mark.parametrize("strategy", ["greedy", "beam", "sample"])
def test_no_rows_give_no_rows(writer: Writer, memory: Tensor, strategy: str) -> None:
    decoded = writer.write(memory[:0], strategy=strategy)
    assert decoded.tokens.shape[:2] == (0, 1) and decoded.scores.shape == (0, 1)


def test_a_beam_wider_than_the_vocabulary(writer: Writer, memory: Tensor) -> None:
    decoded = writer.write(memory, strategy="beam", beam=60, num_candidates=60, max_length=1)
    words = writer.embedding.num_embeddings - 5
    assert (decoded.lengths > 0).sum(1).tolist() == [words] * len(memory)
    assert (decoded.scores[:, words:] == NEVER).all() and (decoded.tokens[:, words:] == PAD).all()


# ------------------------------------------------------------------------------------------------ sampling
@torch.no_grad()
def test_samples_follow_the_model(writer: Writer, memory: Tensor) -> None:
    """The first token's frequencies against its probabilities (without the forbidden tokens)."""
    count = 4000
    decoded = writer.write(memory[:1], strategy="sample", num_candidates=count, max_length=1, temperature=1.5)
    hidden, _ = writer.decoder.step(
        torch.tensor([BOS]), writer.decoder.start(memory[:1], writer.embedding), writer.embedding
    )
    log_probs = writer.output.log_probs(hidden)[0] / 1.5
    log_probs[[PAD, BOS, UNK, MASK, EOS]] = NEVER
    expected = log_probs.softmax(0)
    seen = torch.bincount(decoded.tokens[0, :, 0], minlength=len(expected)) / count
    assert float((seen - expected).abs().sum()) / 2 < 3 * (len(expected) / count) ** 0.5 / 2
    assert (seen[expected == 0] == 0).all()


def test_seeds_and_their_absence(writer: Writer, memory: Tensor) -> None:
    options = {"strategy": "sample", "num_candidates": 4}
    first, again, other = (sentences(writer.write(memory, seed=s, **options)) for s in (1, 1, 2))
    assert first == again and first != other
    assert len({tuple(map(tuple, row)) for row in sentences(writer.write(memory[:1].expand(6, -1, -1), **options))}) > 1


def test_top_k_of_one_and_low_temperature_are_greedy(writer: Writer, memory: Tensor) -> None:
    greedy = sentences(writer.write(memory))
    assert sentences(writer.write(memory, strategy="sample", top_k=1)) == greedy
    assert sentences(writer.write(memory, strategy="sample", temperature=1e-4)) == greedy
    assert sentences(writer.write(memory, strategy="sample", top_p=1e-6)) == greedy


def test_uniforms_are_uniform_and_uncorrelated() -> None:
    keys = row_keys(7, torch.arange(20000))
    a, b = uniform(keys, 0), uniform(keys, 1)
    other_seed = uniform(row_keys(8, torch.arange(20000)), 0)
    for u in (a, b, other_seed):
        assert float(u.min()) >= 0 and float(u.max()) < 1
        assert (torch.histc(u, 20, 0, 1) / 1000 - 1).abs().max() < 0.15
    for x, y in ((a, b), (a, other_seed), (a[1:], a[:-1])):
        assert abs(float(torch.corrcoef(torch.stack((x, y)))[0, 1])) < 0.03
    assert (
        len(set(row_keys(7, torch.arange(300).repeat(300), torch.arange(300).repeat_interleave(300)).tolist())) == 90000
    )
    assert torch.equal(row_keys(2**70, torch.arange(3)), row_keys(2**70, torch.arange(3)))


@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=30), st.floats(0.05, 0.999))
@settings(max_examples=60, deadline=None)
def test_the_nucleus_is_the_smallest_set_of_that_mass(weights: list[float], top_p: float) -> None:
    probs = torch.tensor(weights, dtype=torch.float64)[None] / sum(weights)
    kept, tokens = nucleus(probs, top_p)
    inside = kept[0][kept[0] > 0]
    assert float(inside.sum()) >= top_p - 1e-9
    assert float(inside.sum() - inside.min()) < top_p + 1e-9
    assert torch.equal(probs[0, tokens[0]][: len(inside)], inside)
    assert len(inside) == len(weights) or float(inside.min()) >= float(
        probs[0].sort(descending=True).values[len(inside)]
    )


def test_a_flat_nucleus_is_searched_to_its_end() -> None:
    probs = torch.full((2, 3000), 1 / 3000, dtype=torch.float64)
    kept, _ = nucleus(probs, 0.5)
    assert int((kept[0] > 0).sum()) == pytest.approx(1500, abs=1)


def test_a_token_of_probability_zero_is_never_drawn() -> None:
    log_probs = torch.tensor([[NEVER, 0.0, NEVER, 0.0, NEVER]]).expand(3, -1)
    u = torch.tensor([0.0, 0.5, 1 - 2.0**-23])
    assert draw(log_probs, u, DecodingConfig(strategy="sample")).tolist() == [1, 3, 3]


# ------------------------------------------------------------------------------------------------ parts
@given(st.integers(1, 6), st.integers(1, 2500), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_top_is_topk(k: int, width: int, seed: int) -> None:
    values = torch.randperm(3 * width, generator=torch.Generator().manual_seed(seed)).view(3, width).float()
    best, index = top(values, k)
    expected = values.topk(min(k, width))
    assert torch.equal(best, expected.values) and torch.equal(index, expected.indices)


def test_repeating_tokens() -> None:
    history = torch.tensor([[5, 6, 7, 5, 6], [5, 5, 5, 5, 5], [5, 6, 7, 8, 9]])
    assert [set(r) for r in repeating(history, 3, torch.tensor(0)).tolist()] == [{0, 7}, {5}, {0}]
    assert [set(r) for r in repeating(history, 1, torch.tensor(0)).tolist()] == [
        {5, 6, 7},
        {5},
        {5, 6, 7, 8, 9},
    ]


def test_where_every_word_would_repeat_the_sentence_ends() -> None:
    constraints = Constraints(DecodingConfig(min_length=5, no_repeat_ngram=1), SpecialIds(), torch.device("cpu"))
    log_probs = constraints(torch.zeros(1, 7), 2, torch.tensor([[5, 6]]))
    assert log_probs.isfinite().tolist() == [[False, False, True, False, False, False, False]]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"beam": 0}, "beam"),
        ({"strategy": "beam", "beam": 2, "num_candidates": 3}, "beam of 2"),
        ({"num_candidates": 2}, "greedy"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"min_length": 9, "max_length": 8}, "min_length"),
        ({"max_length": 0}, "max_length"),
    ],
)
def test_contradictions_are_refused(options: dict[str, object], word: str) -> None:
    with pytest.raises(UserError, match=word):
        DecodingConfig(**options)  # type: ignore[arg-type]
