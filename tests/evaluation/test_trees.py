"""Unlabelled F1, trees without a model, and the evaluation of a grammar."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from tests.laws import tiny_collator, tiny_corpus
from tests.tree_laws import tree_model
from textvae.data.tokenized import TokenizedCorpus
from textvae.data.trees import Tree, parse_tree
from textvae.extras.trees.config import TreeEvaluationConfig
from textvae.extras.trees.evaluator import KnownTrees, TreeValidator, as_words, evaluate_trees, ngram_model
from textvae.extras.trees.inside import inside
from textvae.extras.trees.scores import at_random, balanced, baselines, binarised, f1, left, right

FIVE = parse_tree("( ( a b ) ( c d e ) )")


def known(size: int = 20, trees: bool = True) -> KnownTrees:
    """Random sentences, right-branching trees."""
    corpus = tiny_corpus(size)
    gold = [Tree(tuple("w" * int(n)), frozenset(right(int(n)))) for n in corpus.lengths]
    return KnownTrees(corpus, list(gold) if trees else [None] * size)


# ---------------------------------------------------------------------------------------------- F1
def test_f1_by_hand() -> None:
    """Known: ab, cde. Found: ab, cde, de, so 2 · 2 / (2 + 3). Right-branching: bcde, cde, de, so 2 · 1 / (2 + 3)."""
    assert f1([FIVE], [{(0, 5), (0, 2), (2, 5), (3, 5)}]).sentence_f1 == pytest.approx(0.8)
    assert f1([FIVE], [right(5)]).sentence_f1 == pytest.approx(0.4)


def test_the_corpus_counts_spans_and_the_mean_counts_sentences() -> None:
    three = parse_tree("( a ( b c ) )")
    found = f1([FIVE, three], [right(5), right(3)])
    assert found.sentence_f1 == pytest.approx((0.4 + 1.0) / 2) and found.sentences == 2
    assert found.corpus_f1 == pytest.approx(2 * (1 + 1) / ((2 + 1) + (3 + 1)))


def test_trivial_spans_and_sentences_without_others_are_left_out() -> None:
    nothing = [parse_tree("( a b )"), parse_tree("( a )"), parse_tree("( a b c )")]
    assert f1(nothing, [right(2), set(), right(3)]).sentences == 0
    assert math.isnan(f1(nothing, [right(2), set(), right(3)]).sentence_f1)
    one = f1([*nothing, FIVE], [right(2), set(), right(3), left(5)])
    assert one.sentences == 1 and one.sentence_f1 == pytest.approx(2 * 1 / 5)


def test_trees_without_a_model() -> None:
    assert right(4) == {(0, 4), (1, 4), (2, 4)} and left(4) == {(0, 4), (0, 3), (0, 2)}
    assert balanced(5) == {(0, 5), (0, 3), (0, 2), (3, 5)}
    assert all(make(1) == set() and make(2) == {(0, 2)} for make in (right, left, balanced))


def test_random_trees_cut_everywhere_alike() -> None:
    """Of three words both trees, each half of the time."""
    rng = np.random.default_rng(0)
    share = np.mean([(0, 2) in at_random(3, rng) for _ in range(2000)])
    assert 0.45 < share < 0.55


def test_the_bound_holds_every_constituent_that_is_known() -> None:
    for line in ("( ( a b ) ( c d e ) f )", "( a ( b ( c d e ) f g ) )", "( a b c d )"):
        tree = parse_tree(line)
        spans, size = binarised(tree), len(tree.words)
        assert tree.spans <= spans and len(spans) == size - 1
        assert not any(a < c < b < d for (a, b), (c, d) in product(spans, spans))


def test_the_table_of_baselines() -> None:
    found = baselines([FIVE] * 50)
    assert set(found) == {"left-branching", "right-branching", "balanced", "random", "bound"}
    assert found["right-branching"].corpus_f1 == pytest.approx(0.4) and found["bound"].corpus_f1 == pytest.approx(0.8)
    assert (
        found["random"].sentence_f1 < found["bound"].sentence_f1 and found["random"] == baselines([FIVE] * 50)["random"]
    )


# ---------------------------------------------------------------------------------------------- a grammar
@torch.no_grad()
def test_without_z_the_likelihood_is_exact() -> None:
    model, sentences = tree_model("neural"), known()
    found = evaluate_trees(model, sentences, tiny_collator(), TreeEvaluationConfig())
    batch = tiny_collator()(sentences.corpus, np.arange(20))
    expected = -float(inside(*model.rules(batch)).sum())
    assert found.nll == pytest.approx(expected / 20, rel=1e-9) and found.samples is None and found.rate is None
    assert found.perplexity == pytest.approx(math.exp(expected / (sentences.corpus.lengths.sum() + 20)))
    assert found.distortion == found.nll and found.cost == 0


def test_with_z_more_draws_bound_the_likelihood_more_tightly() -> None:
    model = tree_model(initial_std=0.5)
    with torch.no_grad():
        for parameter in model.grammar.binary.parameters():
            parameter.mul_(6.0)  # rules that depend on z
    one, many = (evaluate_trees(model, known(), tiny_collator(), TreeEvaluationConfig(samples=k)) for k in (1, 60))
    assert one.nll is not None and many.nll is not None and one.rate is not None
    assert many.nll < one.nll and one.rate > 0
    again = evaluate_trees(model, known(), tiny_collator(), TreeEvaluationConfig(samples=1))
    assert again == one, "seeded"


def test_a_latent_without_density_has_no_likelihood() -> None:
    model = tree_model(latent_kind="deterministic")
    found = evaluate_trees(model, known(), tiny_collator(), TreeEvaluationConfig(samples=2))
    assert found.nll is None and found.perplexity is None and found.distortion > 0


def test_f1_is_told_of_the_trees_that_are_known() -> None:
    sentences = known()
    partly = replace(sentences, trees=[tree if row % 2 else None for row, tree in enumerate(sentences.trees)])
    found = evaluate_trees(tree_model("neural"), partly, tiny_collator(), TreeEvaluationConfig())
    assert found.without_tree == 10 and found.trees["right-branching"].sentence_f1 == 1
    assert 0 <= found.trees["model"].sentence_f1 <= 1
    assert found.trees["model"].sentences == sum(len(t.words) > 2 for t in partly.trees if t is not None)
    nothing = evaluate_trees(tree_model("neural"), known(trees=False), tiny_collator(), TreeEvaluationConfig())
    assert nothing.trees == {} and nothing.without_tree == 20


def test_the_n_gram_model_predicts_the_same_words_and_ends() -> None:
    """Of sentences `a` alone both must tell a and the end: an n-gram model of nothing else is sure of them."""
    train = TokenizedCorpus.from_lists([[5]] * 50 + [[3]], [0] * 51)
    assert as_words(train)[0] == "5" and as_words(train)[-1] == "<unk>"
    model = ngram_model(train, 2)
    found = evaluate_trees(
        tree_model("neural"), KnownTrees(train, [None] * 51), tiny_collator(), TreeEvaluationConfig(), model
    )
    assert found.tokens == 102 and found.ngram_perplexity is not None and 1 < found.ngram_perplexity < 1.5


def test_validation_scores_by_likelihood_and_only_tells_f1() -> None:
    said: list[str] = []
    config = TreeEvaluationConfig(samples=1)
    metrics = TreeValidator(config, known(), tiny_collator(), (1.0, 0.5), said.append)(tree_model(), 7)
    assert metrics["dev/score"] == pytest.approx(-(metrics["dev/J_rec"] + 0.5 * metrics["dev/J_kl"]))
    assert "dev/sentence_f1" in metrics and said[0].startswith("step 7  dev: score ")
    neural = TreeValidator(config, known(trees=False), tiny_collator(), (1.0, 1.0), said.append)(
        tree_model("neural"), 7
    )
    assert neural["dev/score"] == -neural["dev/nll"] and "dev/sentence_f1" not in neural and "dev/J_kl" not in neural
