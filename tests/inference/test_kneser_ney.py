"""The language model against its definition, a brute-force version, nltk, and by hand."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from evaluation.reviews import reviews
from hypothesis import example, given, settings
from hypothesis import strategies as st

from textvae.errors import UserError
from textvae.inference.kneser_ney import END, START, UNKNOWN, KneserNey

WORDS = list("abcde")
CORPORA = st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), min_size=1, max_size=12)
TEXTS = [text for text, _ in reviews(200)]
CONTEXTS = [
    [],
    ["<s>"],
    ["<s>", "the"],
    ["the"],
    ["the", "pizza"],
    ["pizza", "the"],
    ["nowhere"],
    ["the", "nowhere"],
    ["!"],
]


@pytest.fixture(scope="module")
def model() -> KneserNey:
    return KneserNey().fit(TEXTS)


@settings(max_examples=60, deadline=None)
@example(["c", "c b", "c a b"], 2, 1, ["b"])  # its discount of pairs seen twice would be 0
@given(CORPORA, st.integers(1, 4), st.integers(1, 2), st.lists(st.sampled_from([*WORDS, "f"]), max_size=4))
def test_probabilities_sum_to_one(corpus: list[str], order: int, min_count: int, context: list[str]) -> None:
    found = KneserNey(order, min_count).fit(corpus)
    for history in (context, ["<s>", *context]):
        distribution = found.distribution(history)
        assert distribution[START] == 0
        assert (np.delete(distribution, START) > 0).all()
        assert distribution.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("context", CONTEXTS, ids=" ".join)
def test_sums_to_one_with_estimated_discounts(model: KneserNey, context: list[str]) -> None:
    assert model.distribution(context).sum() == pytest.approx(1, abs=1e-5)


def brute_force(corpus: list[str], model: KneserNey, context: list[str], word: str) -> float:
    """The definition, with dictionaries: no shared code with the model but its discounts and vocabulary."""
    order, vocabulary = model.order, set(model.words)
    known = [["<s>", *(w if w in vocabulary else "<unk>" for w in text.split()), "</s>"] for text in corpus]
    grams: dict[int, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for sentence in known:
        for size in range(1, order + 1):
            grams[size].update(tuple(sentence[i : i + size]) for i in range(len(sentence) - size + 1))

    def adjusted(gram: tuple[str, ...]) -> int:
        if gram == ("<s>",):
            return 0
        if len(gram) == order or gram[0] == "<s>":
            return grams[len(gram)][gram]
        return sum(1 for longer in grams[len(gram) + 1] if longer[1:] == gram)

    def probability(history: tuple[str, ...], last: str) -> float:
        size = len(history) + 1
        discounts = (0.0, *model.discounts[size - 1])
        following = [adjusted(gram) for gram in grams[size] if gram[:-1] == history]
        shorter = probability(history[1:], last) if history else 1 / (len(vocabulary) - 1)
        total = sum(following)
        if total == 0:
            return shorter
        freed = sum(discounts[min(count, 3)] for count in following)
        own = adjusted((*history, last))
        return (own - discounts[min(own, 3)]) / total + freed / total * shorter

    history = tuple(context[max(0, len(context) - order + 1) :])
    return probability(history, word)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_equals_the_definition(order: int) -> None:
    rng = random.Random(order)
    corpus = [" ".join(rng.choices(WORDS, weights=[8, 4, 2, 1, 1], k=rng.randint(0, 7))) for _ in range(40)]
    model = KneserNey(order, min_count=2).fit(corpus)
    for text in [*corpus[:5], "e d c b a", "a f a", ""]:
        tokens = ["<s>", *(w if w in model.index else "<unk>" for w in text.split()), "</s>"]
        each = [brute_force(corpus, model, tokens[:i], tokens[i]) for i in range(1, len(tokens))]
        assert model.score([text]).log_prob[0] == pytest.approx(sum(map(math.log, each)), rel=1e-4)


def test_equals_nltk_where_comparable() -> None:
    """nltk has one discount, no discount of unigrams and no uniform part: bigrams with those settings agree."""
    from nltk.lm import KneserNeyInterpolated
    from nltk.lm.preprocessing import pad_both_ends
    from nltk.util import everygrams

    corpus = ["a b a c", "b a c", "a a b", "c b a b a", "b c"]
    padded = [list(pad_both_ends(text.split(), n=2)) for text in corpus]
    theirs = KneserNeyInterpolated(order=2, discount=0.75)
    theirs.fit([list(everygrams(sentence, max_len=2)) for sentence in padded], [w for s in padded for w in s])
    ours = KneserNey(2, min_count=1, discounts=[(0, 0, 0), (0.75, 0.75, 0.75)]).fit(corpus)
    for context in ("<s>", "a", "b", "c"):
        distribution = ours.distribution([context])
        for word in ("a", "b", "c", "</s>"):
            assert distribution[ours.words.index(word)] == pytest.approx(theirs.score(word, [context]), rel=1e-4)


def test_discounts_follow_the_formula() -> None:
    """Unigrams only, so that counts are raw: three words once, two twice, one thrice, one four times."""
    model = KneserNey(1, min_count=1).fit(["p q r s s t t u u u v v v v"] + [""] * 20)
    n1, n2, n3, n4 = 3, 2, 1, 1
    share = n1 / (n1 + 2 * n2)
    expected = (1 - 2 * share * n2 / n1, 2 - 3 * share * n3 / n2, 3 - 4 * share * n4 / n3)
    assert model.discounts[0] == pytest.approx(expected)


def test_perplexity_by_hand() -> None:
    """Two tokens of probability ½ each under the uniform model of two words: perplexity 2."""
    model = KneserNey(1, min_count=1, discounts=[(0, 0, 0)]).fit(["a"])
    assert model.perplexity(["a"]) == pytest.approx(2)
    assert model.perplexity(["a", "a"]) == pytest.approx(2)
    assert model.score(["a a"]).tokens.tolist() == [3]


def test_perplexity_is_over_tokens_of_all_texts(model: KneserNey) -> None:
    texts = TEXTS[:7]
    scores = model.score(texts)
    assert scores.tokens.tolist() == [len(text.split()) + 1 for text in texts]
    assert model.perplexity(texts) == pytest.approx(math.exp(-scores.log_prob.sum() / scores.tokens.sum()))


def test_alone_is_as_in_a_batch(model: KneserNey) -> None:
    texts = [*TEXTS[:5], "", "pizza", "never seen words here"]
    together = model.score(texts)
    for row, text in enumerate(texts):
        alone = model.score([text])
        assert alone.log_prob[0] == pytest.approx(together.log_prob[row], rel=1e-6)
        assert (alone.tokens[0], alone.unknown[0]) == (together.tokens[row], together.unknown[row])


def test_word_order_matters(model: KneserNey) -> None:
    held_out = [text for text, _ in reviews(30, seed=1)]
    rng = random.Random(0)
    shuffled = [" ".join(rng.sample(text.split(), len(text.split()))) for text in held_out]
    assert model.perplexity(shuffled) > 3 * model.perplexity(held_out)
    assert model.perplexity(held_out) < KneserNey(1).fit(TEXTS).perplexity(held_out)


def test_rare_and_unseen_words_are_unknown() -> None:
    model = KneserNey(2, min_count=2).fit(["a a b", "a a c"])
    assert model.words == ("<unk>", "<s>", "</s>", "a")
    scores = model.score(["a b", "a zzz", "<s> </s> <unk>"])
    assert scores.unknown.tolist() == [1, 1, 3]
    assert scores.log_prob[0] == scores.log_prob[1]
    assert model.distribution(["a"])[UNKNOWN] > 0


def test_markers_inside_texts_are_no_sentence_boundaries() -> None:
    plain, marked = KneserNey(2).fit(["a zzz b", "a yyy b"]), KneserNey(2).fit(["a <s> b", "a </s> b"])
    np.testing.assert_array_equal(plain.distribution(["a"]), marked.distribution(["a"]))


def test_empty_texts(model: KneserNey) -> None:
    scores = model.score([""])
    assert scores.tokens.tolist() == [1] and np.isfinite(scores.log_prob[0])
    assert scores.log_prob[0] == pytest.approx(math.log(model.distribution(["<s>"])[END]), rel=1e-5)
    assert model.score([]).log_prob.shape == (0,)
    assert math.isnan(model.perplexity([]))
    for order in (1, 2, 3, 5):  # longer than any sentence
        assert math.isfinite(KneserNey(order).fit([""]).perplexity(["", "a", "a a a a"]))


def test_bad_input() -> None:
    with pytest.raises(UserError, match="no text"):
        KneserNey().fit([])
    with pytest.raises(UserError, match="order"):
        KneserNey(0)


def test_save_load(model: KneserNey, tmp_path: Path) -> None:
    model.save(tmp_path / "lm")
    assert {path.suffix for path in (tmp_path / "lm").iterdir()} == {".safetensors", ".json"}
    loaded = KneserNey.load(tmp_path / "lm")
    texts = [text for text, _ in reviews(20, seed=1)] + ["", "zzz"]
    np.testing.assert_array_equal(loaded.score(texts).log_prob, model.score(texts).log_prob)
    assert (loaded.order, loaded.min_count, loaded.words) == (model.order, model.min_count, model.words)
    assert [tuple(discounts) for discounts in loaded.discounts] == model.discounts


def test_compact_and_pruned() -> None:
    """Stored in a few bytes it says nearly the same; without rare k-grams what is frequent keeps its probability."""
    texts = ["the food was good .", "the food was bad .", "the staff was good ."] * 3 + ["the food is here ."]
    model = KneserNey(3, min_count=1).fit(texts)
    sentences = [text.split() for text in texts] + [["what", "was", "good"], []]
    before = model.token_scores(sentences)
    again = KneserNey.from_compact(model.words, model.compact())
    for old, new in zip(before, again.token_scores(sentences), strict=True):
        np.testing.assert_allclose(old, new, atol=0.15)
    assert [len(scores) for scores in before] == [len(words) + 1 for words in sentences]
    np.testing.assert_allclose([s.sum() for s in before], model.score([" ".join(w) for w in sentences]).log_prob, 1e-5)
    pruned = model.prune(2, 3).token_scores(sentences)
    assert len(model.levels[2].keys) < len(KneserNey(3, min_count=1).fit(texts).levels[2].keys)
    np.testing.assert_allclose(pruned[0], before[0], atol=1e-5)
    assert pruned[9].sum() <= before[9].sum()
