"""The bag holds content and nothing else, and comes back from its file as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from textvae.errors import UserError
from textvae.tokenization.bag_of_words import BagOfWords
from textvae.tokenization.config import SPECIAL_TOKENS, TokenizerConfig
from textvae.tokenization.stop_words import english_stop_words
from textvae.tokenization.style_words import StyleWords
from textvae.tokenization.training import train_tokenizer

TEXTS = [
    "the waiter was rude , but it 's a great pizza !",
    "we did n't pay $ _num_ for ## rooms ... ( 5:30 ) -- `` ok ''",
    "the rooms are great , the pizza is ok #",
] * 5
STYLE = StyleWords(({"rude": 9.0, "so bad": 4.0}, {"great": 8.0}), frozenset({"ok"}))
CONTENT = {"waiter", "pizza", "n't", "pay", "_num_", "##", "rooms", "5:30"}


@pytest.fixture(scope="module")
def word() -> PreTrainedTokenizerFast:
    return train_tokenizer(TokenizerConfig("word", 200, 1), TEXTS)


def test_words_that_are_content(word: PreTrainedTokenizerFast) -> None:
    bag = BagOfWords.build(word, english_stop_words(), STYLE)
    assert set(bag.words) == CONTENT
    assert bag.size == len(CONTENT)


@pytest.mark.parametrize("kind", ["word", "bpe", "unigram"])
def test_rows_number_the_content_tokens_in_order(kind: Any) -> None:
    tokenizer = train_tokenizer(TokenizerConfig(kind, 400, 1), TEXTS)
    bag = BagOfWords.build(tokenizer, english_stop_words(), STYLE)
    assert bag.content_ids.shape == (len(tokenizer),) and bag.content_ids.dtype == np.int64
    content = np.flatnonzero(bag.content_ids >= 0)
    assert bag.content_ids[content].tolist() == list(range(bag.size))
    assert tuple(tokenizer.convert_ids_to_tokens(content.tolist())) == bag.words
    assert (bag.content_ids[: len(SPECIAL_TOKENS)] == -1).all()


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_pieces_that_are_stop_or_style_words_are_left_out(kind: Any) -> None:
    tokenizer = train_tokenizer(TokenizerConfig(kind, 400, 1), TEXTS)
    bag = BagOfWords.build(tokenizer, english_stop_words(), STYLE)
    excluded = {f"▁{word}" for word in english_stop_words() | STYLE.words}
    assert excluded & set(tokenizer.get_vocab()), "the vocabulary must hold some for the test to mean anything"
    assert not excluded & set(bag.words)
    assert not [piece for piece in bag.words if piece.startswith("<0x") or piece.strip("▁") in ("", ",", "!", "$")]
    for text in ("pizza", "rooms", "n't", "_num_"):
        assert (bag.content_ids[tokenizer(text)["input_ids"]] >= 0).any(), text


def test_matching_ignores_case() -> None:
    tokenizer = train_tokenizer(TokenizerConfig("word", 50, 1), ["The Pizza was Great"])
    assert BagOfWords.build(tokenizer, english_stop_words(), STYLE).words == ("Pizza",)


def test_no_content_is_a_user_error() -> None:
    tokenizer = train_tokenizer(TokenizerConfig("word", 50, 1), ["the , !"])
    with pytest.raises(UserError, match="no content word is left"):
        BagOfWords.build(tokenizer, english_stop_words(), STYLE)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=20))
def test_any_vocabulary_is_sorted_into_content_and_rest(texts: list[str]) -> None:
    texts = [" ".join(text.split()) for text in texts] + ["content"]
    tokenizer = train_tokenizer(TokenizerConfig("word", 100, 1), texts)
    bag = BagOfWords.build(tokenizer, frozenset(), StyleWords(()))
    assert "content" in bag.words
    assert all(any(char.isalnum() for char in word) or set(word) == {"#"} for word in bag.words)


def test_json_round_trip(word: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    bag = BagOfWords.build(word, english_stop_words(), STYLE)
    path = tmp_path / "bag_of_words.json"
    bag.to_json(path)
    back = BagOfWords.from_json(path, len(word))
    assert (back.content_ids == bag.content_ids).all() and back.content_ids.dtype == np.int64
    assert (back.words, back.stop_words, back.style_words) == (bag.words, bag.stop_words, bag.style_words)
    assert list(back.style_words.by_label[0]) == ["rude", "so bad"]
    assert [file.name for file in tmp_path.iterdir()] == ["bag_of_words.json"]


def test_a_failed_write_leaves_the_old_file(
    word: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bag_of_words.json"
    BagOfWords.build(word, english_stop_words(), STYLE).to_json(path)
    before = path.read_bytes()
    broken = BagOfWords(np.array([0]), ("a",), style_words=StyleWords(({"bad": object()},)))  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        broken.to_json(path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda value: value["words"].pop(), "do not fit"),
        (lambda value: value["token_ids"].reverse(), "do not fit"),
        (lambda value: value.pop("vocab_size"), "not a bag of words"),
        (lambda value: value.update(vocab_size=3), "not a bag of words"),
        (lambda value: value.update(style_words=[]), "not a bag of words"),
        (lambda value: value.update(vocab_size=1000), "made for 1000 tokens"),
    ],
)
def test_damaged_files_are_told(change: Any, message: str, word: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    path = tmp_path / "bag.json"
    BagOfWords.build(word, english_stop_words(), STYLE).to_json(path)
    value = json.loads(path.read_text(encoding="utf-8"))
    change(value)
    path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        BagOfWords.from_json(path, len(word))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"null"])
def test_files_that_are_no_json_object(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bag.json"
    with pytest.raises(UserError, match="cannot be read"):
        BagOfWords.from_json(path)
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a bag of words"):
        BagOfWords.from_json(path)
