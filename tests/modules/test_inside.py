"""The inside algorithm against all trees, written out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.laws import assert_close
from textvae.extras.trees.config import GrammarConfig
from textvae.extras.trees.grammar import GrammarNetwork
from textvae.extras.trees.inside import Rules, best_spans, inside, span_marginals

BRANCHING, WRITING, VOCABULARY = 3, 2, 7
LENGTHS = [4, 1, 5, 2, 3]
Spans = frozenset[tuple[int, int]]


def grammar(shared: bool, seed: int = 0, sharpness: float = 1.0) -> tuple[Rules, Tensor]:
    """Random rules for sentences of `LENGTHS`, one grammar for all or one for each."""
    torch.manual_seed(seed)
    count, symbols = 1 if shared else len(LENGTHS), BRANCHING + WRITING
    draw = lambda *shape: (sharpness * torch.randn(*shape, dtype=torch.float64)).log_softmax(-1)  # noqa: E731
    binary = draw(count, BRANCHING, symbols * symbols).exp().unflatten(2, (symbols, symbols))
    words = draw(count, WRITING, VOCABULARY).expand(len(LENGTHS), -1, -1)
    lengths = torch.tensor(LENGTHS)
    ids = torch.randint(VOCABULARY, (len(LENGTHS), max(LENGTHS)))
    found = words.gather(2, ids[:, None].expand(-1, WRITING, -1)).transpose(1, 2)
    padding = torch.arange(max(LENGTHS)) >= lengths[:, None]
    return Rules(draw(count, symbols).exp(), binary, found.masked_fill(padding[..., None], 0.0)), lengths


def shapes(start: int, stop: int) -> Iterator[Any]:
    """Every binary tree over words start … stop − 1, as nested (start, stop, left, right)."""
    if stop - start == 1:
        yield (start, stop)
    for middle in range(start + 1, stop):
        for left, right in product(shapes(start, middle), shapes(middle, stop)):
            yield (start, stop, left, right)


def constituents(tree: Any) -> Spans:
    """Its spans of two words and more."""
    if len(tree) == 2:
        return frozenset()
    return frozenset({tree[:2]}) | constituents(tree[2]) | constituents(tree[3])


def labelled(tree: Any, rules: Rules, row: int) -> dict[int, Tensor]:
    """Probability of a shape under each symbol, by going through all labels one by one."""
    own = row if len(rules.root) > 1 else 0
    if len(tree) == 2:
        return {BRANCHING + t: rules.log_words[row, tree[0], t].exp() for t in range(WRITING)}
    left, right = labelled(tree[2], rules, row), labelled(tree[3], rules, row)
    return {
        a: sum(rules.binary[own, a, b, c] * p * q for b, p in left.items() for c, q in right.items())  # type: ignore[misc]
        for a in range(BRANCHING)
    }


def by_hand(rules: Rules, row: int) -> dict[Spans, Tensor]:
    """p(x, tree) of every unlabelled tree of a sentence."""
    own = row if len(rules.root) > 1 else 0
    return {
        constituents(tree): sum(rules.root[own, a] * p for a, p in labelled(tree, rules, row).items())  # type: ignore[misc]
        for tree in shapes(0, LENGTHS[row])
    }


both = pytest.mark.parametrize("shared", [True, False])


@both
def test_the_probability_is_the_sum_over_all_trees(shared: bool) -> None:
    rules, lengths = grammar(shared)
    expected = torch.stack([torch.stack(list(by_hand(rules, row).values())).sum().log() for row in range(len(LENGTHS))])
    assert_close(inside(rules, lengths), expected, 1e-12)


@both
def test_the_gradient_is_the_probability_of_a_constituent(shared: bool) -> None:
    rules, lengths = grammar(shared, sharpness=2.0)
    found = span_marginals(rules, lengths)
    for row, length in enumerate(LENGTHS):
        trees = by_hand(rules, row)
        total = torch.stack(list(trees.values())).sum()
        for width, start in product(range(2, max(LENGTHS) + 1), range(max(LENGTHS))):
            span = (start, start + width)
            held = [p for spans, p in trees.items() if span in spans]
            expected = torch.stack(held).sum() / total if held else torch.zeros((), dtype=torch.float64)
            if start + width <= length:
                assert_close(found[row, width - 1, start], expected, 1e-12, f"{row} {span}")
            else:
                assert found[row, width - 1, start] == 0


@both
def test_the_tree_has_the_most_expected_constituents(shared: bool) -> None:
    rules, lengths = grammar(shared, sharpness=3.0)
    marginals = span_marginals(rules, lengths)
    for row, spans in enumerate(best_spans(marginals, lengths)):
        every = [constituents(tree) for tree in shapes(0, LENGTHS[row])]
        expected = {tree: sum(float(marginals[row, j - i - 1, i]) for i, j in tree) for tree in every}
        assert frozenset(spans) in expected and expected[frozenset(spans)] == pytest.approx(max(expected.values()))


def test_gradients_are_those_of_finite_differences() -> None:
    rules, lengths = grammar(False)
    inputs = [t.clone().requires_grad_() for t in (rules.root, rules.binary, rules.log_words)]
    assert torch.autograd.gradcheck(lambda *found: inside(Rules(*found), lengths), inputs)


def test_long_sentences_of_rare_words_do_not_underflow() -> None:
    """Sixty words of probability e⁻⁵⁰ in fp32, whose smallest number is e⁻¹⁰³: the exponents are kept apart."""
    rules, _ = grammar(True)
    length = 60
    rare = Rules(rules.root.float(), rules.binary.float(), torch.full((1, length, WRITING), -50.0))
    exact = Rules(rules.root, rules.binary, torch.full((1, length, WRITING), -50.0, dtype=torch.float64))
    expected, lengths = inside(exact, torch.tensor([length])), torch.tensor([length])
    assert expected.isfinite().all() and float(expected) < -3000
    assert_close(inside(rare, lengths), expected, 1e-5)
    assert span_marginals(rare, lengths).isfinite().all()


def test_a_grammar_gives_all_sentences_of_a_length_no_more_than_one() -> None:
    """Σ_x p(x), x of one to three words over a vocabulary of three of which one is silent, grows to below 1."""
    torch.manual_seed(0)
    network = GrammarNetwork(GrammarConfig(3, 2, 5), 4, 0, silent=(0,)).double()
    totals = []
    for length in (1, 2, 3):
        ids = torch.tensor(list(product(range(1, 4), repeat=length)))
        lengths = torch.full((len(ids),), length)
        totals.append(float(inside(network(ids, lengths).detached(), lengths).exp().sum()))
    assert all(total > 0 for total in totals) and sum(totals) < 1
    root = network(torch.tensor([[1]]), torch.tensor([1])).root[0]
    assert totals[0] == pytest.approx(float(root[3:].sum().detach()), abs=1e-9)


@pytest.mark.parametrize("compound", [True, False])
def test_rules_are_distributions_and_silent_words_are_never_written(compound: bool) -> None:
    torch.manual_seed(0)
    network = GrammarNetwork(GrammarConfig(3, 4, 6), 9, 2 if compound else 0, silent=(0, 1)).double()
    ids, lengths = torch.tensor([[2, 3, 8], [5, 0, 0]]), torch.tensor([3, 1])
    z = torch.randn(2, 2).double() if compound else None
    rules = network(ids, lengths, z)
    assert len(rules.root) == (2 if compound else 1)
    assert_close(rules.root.sum(1), torch.ones_like(rules.root[:, 0]), 1e-9)
    assert_close(rules.binary.sum((2, 3)), torch.ones_like(rules.binary[:, :, 0, 0]), 1e-9)
    words = network.log_probs(network.words, network.writing, z).exp()
    assert_close(words.sum(2), torch.ones_like(words[..., 0]), 1e-9)
    assert not words[..., :2].any()
    assert torch.equal(rules.log_words[0, 2], words.log().expand(2, -1, -1)[0, :, 8])
    assert not rules.log_words[1, 1:].any(), "padding"


def test_a_grammar_that_is_sure_of_everything_has_finite_gradients() -> None:
    """Scores of ±10⁴ in fp32: nearly all rules would underflow."""
    torch.manual_seed(0)
    network = GrammarNetwork(GrammarConfig(3, 4, 6), 9, 0, silent=(0, 1))
    with torch.no_grad():
        for name in ("root", "words"):
            getattr(network, name)[-1].weight.mul_(1e5)
        network.binary.weight.mul_(1e5)
    ids = torch.randint(2, 9, (4, 12))
    loss = -inside(network(ids, torch.tensor([12, 7, 2, 1])), torch.tensor([12, 7, 2, 1])).sum()
    loss.backward()
    assert loss.isfinite() and all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())
