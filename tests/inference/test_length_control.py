"""Words are counted while they are written, for every kind of tokenizer, and the limits hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from textvae.data.unpaired.slots import SlotVocabulary
from textvae.inference.length_control import CountedState, LengthControl, Limits, WordTable, count_words
from textvae.modules.decoders import DecoderState
from textvae.text import normalise, spaced
from textvae.tokenization.config import SPECIAL, TokenizerConfig
from textvae.tokenization.training import train_tokenizer

from .random_summarizer import CHINESE, DOCUMENTS, LANGUAGES

TEXTS = [*DOCUMENTS, *CHINESE, "naïve 😀 <unk> Größe 北京 x"]
EOS, NEVER = 2, float("-inf")


@pytest.fixture(scope="module")
def vocabularies() -> dict[str, SlotVocabulary]:
    kinds = {kind: "word" if kind == "character" else kind for kind in LANGUAGES if kind != "chinese"}
    texts = {"character": [spaced(text) for text in CHINESE]}
    trained = {
        kind: train_tokenizer(TokenizerConfig(kind=k, vocab_size=420, min_frequency=1), texts.get(kind, TEXTS))  # type: ignore[arg-type]
        for kind, k in kinds.items()
    }
    return {kind: SlotVocabulary(t, 3 if kinds[kind] == "word" else 0) for kind, t in trained.items()}


@pytest.fixture(params=sorted(LANGUAGES.keys() - {"chinese"}))
def vocabulary(request: pytest.FixtureRequest, vocabularies: dict[str, SlotVocabulary]) -> SlotVocabulary:
    return vocabularies[request.param]


@pytest.fixture
def table(vocabulary: SlotVocabulary) -> WordTable:
    return WordTable.of(vocabulary)


def counted(table: WordTable, ids: list[int]) -> int:
    """Words by the table, token by token."""
    cost, inside_after = table.cost.tolist(), table.inside.tolist()
    words, inside = 0, 0
    for i in ids:
        words, inside = words + cost[inside][i], inside_after[inside][i]
    return words


# ---------------------------------------------------------------------- counting
@pytest.mark.parametrize(
    ("text", "subword", "words"),
    [
        ("do n't go !", False, 4),
        ("do n't go !", True, 4),
        ("今天 很好", False, 2),
        ("今天 很好", True, 4),
        ("我用iphone 15", True, 4),
        ("ok\ufffd\ufffd 今\ufffd", True, 2),
        ("", True, 0),
    ],
)
def test_words_of_a_text(text: str, subword: bool, words: int) -> None:
    assert count_words(text, subword) == words


def test_a_text_has_as_many_words_as_its_tokens_cost(vocabulary: SlotVocabulary, table: WordTable) -> None:
    for text, sentence in zip(TEXTS, vocabulary.encode(TEXTS), strict=True):
        if not vocabulary.subword:
            assert counted(table, sentence.ids) == len(text.split())
        elif "Größe" not in text:  # bytes of characters that are not in the vocabulary may count for more
            assert counted(table, sentence.ids) == count_words(text, subword=True)


@given(data=st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_has_more_words_than_its_tokens_cost(
    vocabulary: SlotVocabulary, table: WordTable, data: st.DataObject
) -> None:
    """Not even a row of random tokens, bytes and characters in bytes."""
    names = {token: i for i, token in enumerate(vocabulary.tokens)}
    char = st.characters(codec="utf-8").map(lambda c: [names.get(f"<0x{b:02X}>", 5) for b in c.encode()])
    parts = data.draw(st.lists(st.integers(5, vocabulary.size - 1).map(lambda i: [i]) | char, max_size=12))
    ids = [i for part in parts for i in part]
    text, cost = normalise(vocabulary.decode(ids, ("one", "two", "three"))), counted(table, ids)
    assert count_words(text, vocabulary.subword) <= cost
    if not any(vocabulary.tokens[i].startswith("<0x") for i in ids if i < vocabulary.words):
        assert count_words(text, vocabulary.subword) == cost


def test_control_tokens_are_no_words(table: WordTable) -> None:
    for inside in (0, 1):
        assert table.cost[inside, [0, 1, 2, 4]].tolist() == [0] * 4
        assert table.inside[inside, [0, 1, 2, 4]].tolist() == [bool(inside)] * 4


# ---------------------------------------------------------------------- limits
@dataclass(frozen=True)
class Seen(DecoderState):
    """A decoder that remembers which rows it was given."""

    rows: Tensor


@pytest.fixture
def control(vocabularies: dict[str, SlotVocabulary]) -> Iterator[LengthControl]:
    vocabulary = vocabularies["unigram"]

    def step(tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        return torch.zeros(len(tokens), vocabulary.size), state

    yield LengthControl(step, WordTable.of(vocabulary), vocabulary.words)


def begin(control: LengthControl, least: list[int], most: list[int], tokens: list[int]) -> tuple[Tensor, CountedState]:
    limits = Limits(*(torch.tensor(x) for x in (least, most, tokens, [0] * len(most), [True] * len(most))))
    log_probs, state = control.step(torch.ones(len(most), dtype=torch.long), control.start(Seen(limits.most), limits))
    assert isinstance(state, CountedState)
    return log_probs, state


def test_each_row_has_its_own_limits(control: LengthControl, vocabularies: dict[str, SlotVocabulary]) -> None:
    vocabulary = vocabularies["unigram"]
    (the,) = vocabulary.encode(["the"])[0].ids
    first, state = begin(control, [0, 1, 2, 2], [1, 1, 2, 9], [9, 9, 9, 1])
    assert (first[:, EOS] == NEVER).tolist() == [False, True, True, True]
    assert (first[:, the] == 0).all()
    log_probs, state = control.step(torch.full((4,), the), state)
    assert isinstance(state, CountedState) and state.words.tolist() == [1] * 4
    # row 0, 1: full, so `the` is out, but the word may go on ("there") or the text end; row 3 has no tokens left
    assert (log_probs[:, the] == NEVER).tolist() == [True, True, False, True]
    assert (log_probs[:, EOS] == NEVER).tolist() == [False, False, True, False]
    going_on = next(i for i, t in enumerate(vocabulary.tokens) if t.isalpha() and t.isascii())
    assert (log_probs[:, going_on] == NEVER).tolist() == [False, False, False, True]
    chinese = vocabulary.encode(["大"])[0].ids[-1]
    assert (log_probs[:, chinese] == NEVER).tolist() == [True, True, False, True]
    assert set(log_probs[log_probs != NEVER].tolist()) == {0.0}, "what is allowed keeps its probability"


def test_selected_rows_keep_their_limits(control: LengthControl) -> None:
    _, state = begin(control, [0, 0, 0], [1, 2, 3], [4, 5, 6])
    kept = state.select(torch.tensor([2, 0, 0]))
    assert kept.most.tolist() == [3, 1, 1] and kept.tokens.tolist() == [6, 4, 4]
    assert isinstance(kept.inner, Seen) and kept.inner.rows.tolist() == [3, 1, 1]


def test_slots_without_a_word_are_never_written(vocabularies: dict[str, SlotVocabulary]) -> None:
    vocabulary = vocabularies["word"]
    control = LengthControl(
        lambda tokens, state: (torch.zeros(len(tokens), vocabulary.size), state),
        WordTable.of(vocabulary),
        vocabulary.words,
    )
    limits = Limits(*(torch.tensor(x) for x in ([0] * 3, [5] * 3, [5] * 3, [0, 2, 3], [True, False, True])))
    log_probs, _ = control.step(torch.ones(3, dtype=torch.long), control.start(Seen(limits.most), limits))
    assert (log_probs[:, vocabulary.words :] != NEVER).tolist() == [
        [False, False, False],
        [True, True, False],
        [True, True, True],
    ]
    assert (log_probs[:, SPECIAL.unk] != NEVER).tolist() == [True, False, True]
