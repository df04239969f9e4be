"""Slots: unknown words get ids, and the ids give the words back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.unpaired.sides import COMMON, DOCUMENTS, KINDS, vocabulary
from textvae.data.unpaired.slots import SlotVocabulary
from textvae.errors import UserError
from textvae.tokenization.config import SPECIAL, TokenizerConfig
from textvae.tokenization.pretrained import token_ids
from textvae.tokenization.training import train_tokenizer

words_of = st.lists(st.sampled_from([*COMMON, ".", "anna", "bert", "çelik", "d'arc", "<unk>"]), min_size=1, max_size=12)


@given(words_of)
def test_words_come_back(words: list[str]) -> None:
    known = vocabulary(slots=6)
    sentence = known.encode([" ".join(words)])[0]
    assert len(sentence.ids) == len(words)
    assert known.decode(sentence.ids, sentence.words) == " ".join(words)


@given(words_of)
def test_slots_are_numbered_by_first_appearance_and_only_for_unknown_words(words: list[str]) -> None:
    known = vocabulary(slots=6)
    ids, table = known.encode([" ".join(words)])[0]
    unknown = [w for w in words if w not in COMMON and w not in (".", "<unk>")]
    assert list(table) == list(dict.fromkeys(unknown))
    assert [i for i in ids if i >= known.words] == [known.words + table.index(w) for w in unknown]
    plain = token_ids(known.tokenizer, [" ".join(words)])[0]
    assert [i if i < known.words else SPECIAL.unk for i in ids] == plain


def test_more_unknown_words_than_slots_are_unk() -> None:
    known = vocabulary(slots=2)
    sentence = known.encode(["a1 b1 c1 a1 w3"])[0]
    w3 = known.encode(["w3"])[0].ids[0]
    assert sentence == ([known.words, known.words + 1, SPECIAL.unk, known.words, w3], ("a1", "b1"))
    assert known.decode(*sentence) == "a1 b1 <unk> a1 w3"


def test_a_summary_takes_the_slots_of_its_document() -> None:
    known = vocabulary(slots=4)
    document = known.encode(["anna met bert in w1"])[0]
    summary = known.encode(["bert and anna"], [document.words])[0]
    assert document.words == ("anna", "met", "bert", "in")
    assert summary.ids == [known.words + 2, SPECIAL.unk, known.words] and summary.words == document.words
    wider = vocabulary(slots=6).encode(["bert and anna"], [document.words])[0]
    assert wider.words == (*document.words, "and") and wider.ids[1] == known.words + 4


@pytest.mark.parametrize("literal", ["</s>", "<mask>", "<pad>", "<s>"])
def test_the_name_of_a_special_token_is_a_word(literal: str) -> None:
    known = vocabulary()
    sentence = known.encode([f"w1 {literal} w2"])[0]
    assert min(sentence.ids) > SPECIAL.mask and known.decode(*sentence) == f"w1 {literal} w2"


def test_decoding_ends_at_the_end_and_leaves_special_tokens_out() -> None:
    known = vocabulary()
    w1, w2 = known.encode(["w1 w2"])[0].ids
    ids = [SPECIAL.bos, w1, SPECIAL.mask, SPECIAL.unk, known.words + 5, SPECIAL.eos, w2, SPECIAL.pad]
    assert known.decode(ids, ("anna",)) == "w1 <unk> <unk>"
    assert known.decode(np.array(ids)[:0]) == ""


@given(st.permutations(range(6)), words_of)
def test_renumbering_is_undone_by_renumbering_the_words(permutation: list[int], words: list[str]) -> None:
    known = vocabulary(slots=6)
    ids, table = known.encode([" ".join(words)])[0]
    moved = known.renumber(np.array(ids), np.array(permutation))
    places = [""] * 6
    for slot, word in enumerate(table):
        places[permutation[slot]] = word
    assert known.decode(moved, places) == " ".join(words)
    assert known.renumber(moved, np.argsort(permutation)).tolist() == ids


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_pieces_need_no_slots(kind: str) -> None:
    known = vocabulary(kind, slots=0)
    texts = [*DOCUMENTS[:5], "an unseen çelik !"]
    encoded = known.encode(texts)
    assert known.size == known.words and all(s.words == () and max(s.ids) < known.words for s in encoded)
    assert [known.decode(s.ids) for s in encoded] == texts


@pytest.mark.parametrize("kind", KINDS)
def test_words_begin_where_spaces_are(kind: str) -> None:
    known = vocabulary(kind)
    text = DOCUMENTS[0]
    ids = known.encode([text])[0].ids
    assert known.word_starts[ids].sum() == len(text.split())
    assert known.closing[ids].tolist() == [False] * (len(ids) - 1) + [True]


def test_text_without_spaces_may_be_cut_before_every_character() -> None:
    texts = ["北京今天下雨", "上海明天晴", "今天北京晴", "明天上海下雨"] * 20
    known = SlotVocabulary(train_tokenizer(TokenizerConfig(kind="unigram", vocab_size=300), texts), 0)
    ids = known.encode(["北京明天晴 。"])[0].ids
    assert known.decode(ids) == "北京明天晴 。"
    characters = [i for i in ids if not known.tokens[i].startswith("<0x")]
    assert len(characters) > 2 and known.word_starts[characters].all()


def test_fewer_than_no_slots_are_refused() -> None:
    with pytest.raises(UserError, match="slots is -1"):
        SlotVocabulary(vocabulary().tokenizer, -1)
