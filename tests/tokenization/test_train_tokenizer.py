"""Laws of every tokenizer: fixed special ids, exact round trips, nothing a user types becomes a control token."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from textvae.errors import UserError
from textvae.text import prepare
from textvae.tokenization.config import SPECIAL_TOKENS, UNK_ID, TokenizerConfig
from textvae.tokenization.pretrained import is_subword, load_tokenizer
from textvae.tokenization.training import count_words, train_sentencepiece, train_tokenizer

KINDS = ("word", "bpe", "unigram")
SUBWORD = ("bpe", "unigram")
SUBJECTS = ("waiter", "burger", "room", "pizza", "service", "manager", "music", "coffee")
VERDICTS = ("was n't good", "was great", "is terrible", "looked wonderful", "felt cold", "tasted awful")


def corpus() -> Iterator[str]:
    """Some 500 short tokenised sentences; a few hold special tokens, which a tokenizer must not learn as pieces."""
    for i, subject in enumerate(SUBJECTS):
        for verdict in VERDICTS:
            for place in ("here", "there", "at the restaurant", "after _num_ minutes", "in 今天天气很好", "x<s>y </s>"):
                yield f"the {subject} {verdict} {place} {'!' if i % 2 else '.'}"
            yield f"<unk> said <s> the {subject} <unk> <pad> <mask> <unk>ly <0x41>"


def config(kind: str) -> TokenizerConfig:
    return TokenizerConfig(kind=kind, vocab_size=420, min_frequency=2)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tokenizers() -> dict[str, PreTrainedTokenizerFast]:
    return {kind: train_tokenizer(config(kind), corpus()) for kind in KINDS}


def encode(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    ids: list[int] = tokenizer(text)["input_ids"]
    return ids


@pytest.mark.parametrize("kind", KINDS)
def test_special_ids_are_fixed(kind: str, tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    tokenizer = tokenizers[kind]
    assert tuple(tokenizer.convert_ids_to_tokens(list(range(5)))) == SPECIAL_TOKENS
    ids = (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id)
    assert (*ids, tokenizer.mask_token_id) == (0, 1, 2, 3, 4)
    assert sorted(tokenizer.get_vocab().values()) == list(range(len(tokenizer)))
    assert len(tokenizer) == tokenizer.vocab_size <= 420
    assert is_subword(tokenizer) == (kind != "word")


@pytest.mark.parametrize("kind", KINDS)
def test_ids_of_the_text_alone_and_padding_on_the_right(
    kind: str, tokenizers: dict[str, PreTrainedTokenizerFast]
) -> None:
    tokenizer = tokenizers[kind]
    alone = encode(tokenizer, "the pizza was great !")
    assert not set(alone) & {0, 1, 2, 3, 4}
    padded = tokenizer(["the pizza was great !", "the"], padding=True)
    assert set(padded) == {"input_ids", "attention_mask"}
    assert padded["input_ids"][0] == alone
    assert padded["input_ids"][1][-1] == 0 and padded["attention_mask"][1][-1] == 0
    assert tokenizer.decode([1, *alone, 2, 0, 0], skip_special_tokens=True) == "the pizza was great !"
    assert encode(tokenizer, "") == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    ["the <s> pizza", "<s>", "</s>", "<pad>", "<mask>", "a</s>b", "<pad><mask>", "(</s>)", "<0x41>", "</s></s> <s>s"],
)
def test_control_tokens_cannot_be_typed(
    kind: str, text: str, tokenizers: dict[str, PreTrainedTokenizerFast], tmp_path: Path
) -> None:
    tokenizer = tokenizers[kind]
    tokenizer.save_pretrained(tmp_path)
    reloaded = [load_tokenizer(tmp_path), AutoTokenizer.from_pretrained(tmp_path)]
    for one in (tokenizer, copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer)), *reloaded):
        for ids in (encode(one, text), one.backend_tokenizer.encode(text).ids):
            assert ids and not set(ids) & {0, 1, 2, 4}
            if kind == "word":
                assert UNK_ID in ids
            else:
                assert one.decode(ids, skip_special_tokens=True) == text


@pytest.mark.parametrize("kind", KINDS)
def test_the_literal_unk_is_the_unknown_token(kind: str, tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    text = "<unk> said the <unk> <unk> pizza <unk>"
    ids = encode(tokenizers[kind], text)
    assert ids.count(UNK_ID) == 4
    assert tokenizers[kind].decode(ids, skip_special_tokens=True) == text


@pytest.mark.parametrize("kind", KINDS)
def test_no_piece_is_learned_from_special_tokens(kind: str, tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    pieces = set(tokenizers[kind].get_vocab()) - set(SPECIAL_TOKENS)
    assert not [piece for piece in pieces for special in SPECIAL_TOKENS if special in piece]


def test_unknown_words_show_when_decoded(tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    tokenizer = tokenizers["word"]
    ids = encode(tokenizer, "the zebra was great 😀")
    assert ids[1] == ids[-1] == UNK_ID
    assert tokenizer.decode(ids, skip_special_tokens=True) == "the <unk> was great <unk>"


@pytest.mark.parametrize("kind", SUBWORD)
@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=40))
def test_subword_round_trip_of_any_text(kind: str, text: str, tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    line = prepare(text)
    ids = encode(tokenizers[kind], line)
    assert tokenizers[kind].decode(ids, skip_special_tokens=True) == line


@pytest.mark.parametrize("kind", SUBWORD)
@pytest.mark.parametrize(
    "text",
    ["今天天气很好。", "👩‍👩‍👧 ❤️ 🇫🇷 yum !", "naïve ünïcödé \U0001f9ff", "a b c", "the pizza was n't zebra <0x41>"],
)
def test_subword_round_trip_of_chinese_and_emoji(
    kind: str, text: str, tokenizers: dict[str, PreTrainedTokenizerFast]
) -> None:
    ids = encode(tokenizers[kind], text)
    assert UNK_ID not in ids
    assert tokenizers[kind].decode(ids, skip_special_tokens=True) == text


@pytest.mark.parametrize("kind", KINDS)
def test_training_sentences_survive(kind: str, tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    lines = [line for line in corpus() if "<" not in line]
    ids = tokenizers[kind](lines)["input_ids"]
    assert tokenizers[kind].batch_decode(ids, skip_special_tokens=True) == lines


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_reloaded_is_the_same(
    kind: str, tokenizers: dict[str, PreTrainedTokenizerFast], tmp_path: Path
) -> None:
    tokenizers[kind].save_pretrained(tmp_path)
    reloaded = load_tokenizer(tmp_path)
    lines = [*corpus(), "zebra 😀 </s>"]
    assert reloaded(lines)["input_ids"] == tokenizers[kind](lines)["input_ids"]
    assert reloaded.get_vocab() == tokenizers[kind].get_vocab()
    ids = encode(reloaded, "the <unk> zebra")
    assert reloaded.decode(ids, skip_special_tokens=True) == tokenizers[kind].decode(ids, skip_special_tokens=True)
    reloaded.save_pretrained(tmp_path / "again")
    assert (tmp_path / "again/tokenizer.json").read_bytes() == (tmp_path / "tokenizer.json").read_bytes()


def test_loading_says_what_is_wrong(tokenizers: dict[str, PreTrainedTokenizerFast], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0", "model"')
    with pytest.raises(UserError, match="not a readable tokenizer"):
        load_tokenizer(tmp_path)
    tokenizers["word"].save_pretrained(tmp_path)
    changed = (tmp_path / "tokenizer.json").read_text().replace('"<s>"', '"[CLS]"')
    (tmp_path / "tokenizer.json").write_text(changed)
    with pytest.raises(UserError, match="the first tokens are"):
        load_tokenizer(tmp_path)


def test_only_what_a_bad_file_raises_is_called_one(
    tokenizers: dict[str, PreTrainedTokenizerFast], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizers["word"].save_pretrained(tmp_path)
    for bad in (b"", b"[]", b"{}", b"3", b"\xff\xfe\x00", b"\0" * 9, b'{"version": "1.0", "model": "x"}'):
        (tmp_path / "tokenizer.json").write_bytes(bad)
        with pytest.raises(UserError, match="not a readable tokenizer"):
            load_tokenizer(tmp_path)

    def broken(**_: object) -> None:
        raise TypeError("a mistake of ours")

    monkeypatch.setattr("transformers.PreTrainedTokenizerFast", broken)
    with pytest.raises(TypeError, match="of ours"):
        load_tokenizer(tmp_path)


def test_same_texts_make_the_same_tokenizers_in_another_process(
    tokenizers: dict[str, PreTrainedTokenizerFast],
) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_train_tokenizer import KINDS, config, corpus, train_tokenizer\n"
        "for kind in KINDS:\n"
        "    print(train_tokenizer(config(kind), corpus()).backend_tokenizer.to_str())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    output = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert output.stdout.splitlines() == [tokenizers[kind].backend_tokenizer.to_str() for kind in KINDS]


def test_unigram_is_converted_exactly(tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    lines = [line for line in corpus() if "<" not in line] + ["zebra 😀 今天 xyz", "unseenly waiters", "minutes after"]
    model = sentencepiece.SentencePieceProcessor(model_proto=train_sentencepiece(config("unigram"), lines))
    mine = train_tokenizer(config("unigram"), lines)
    assert [encode(mine, line) for line in lines] == model.encode(lines)
    assert len(mine) == model.get_piece_size() > 300


def test_unigram_knows_frequent_whole_words(tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    # sentencepiece's own seeds cut every word that is always followed by a space
    assert tokenizers["unigram"].tokenize("the was n't _num_") == ["▁the", "▁was", "▁n't", "▁_num_"]


def test_word_vocabulary_is_by_frequency() -> None:
    texts = ["b b b a a c", "a b d d"]
    tokenizer = train_tokenizer(TokenizerConfig("word", vocab_size=100, min_frequency=2), texts)
    assert tokenizer.convert_ids_to_tokens(list(range(5, len(tokenizer)))) == ["b", "a", "d"]
    assert len(train_tokenizer(TokenizerConfig("word", vocab_size=6, min_frequency=1), texts)) == 6


def test_texts_are_streamed_once() -> None:
    alive: list[str] = []

    class Line(str):
        def __del__(self) -> None:
            alive.remove("x")

    def lines() -> Iterator[str]:
        for i in range(2000):
            alive.append("x")
            assert len(alive) < 1000, "the texts are being held"
            yield Line(f"word{i % 7} and more words")

    for kind in ("word", "unigram"):
        train_tokenizer(config(kind), lines())


def test_counting_stops_at_the_limit_of_types() -> None:
    assert count_words(["a b", "c a", "b d"], max_types=2) == [("a", 2), ("b", 2)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("texts", [[], ["", ""], ["<s>", "<unk> </s>"]])
def test_no_words_is_an_error(kind: str, texts: list[str]) -> None:
    with pytest.raises(UserError, match="no word in the training texts"):
        train_tokenizer(config(kind), texts)


def test_impossible_vocabularies_are_errors() -> None:
    with pytest.raises(UserError, match="no word occurs 9 times"):
        train_tokenizer(TokenizerConfig("word", min_frequency=9), ["a b c"])
    with pytest.raises(UserError, match="261 fixed tokens"):
        TokenizerConfig("bpe", vocab_size=261)
    with pytest.raises(UserError, match="5 fixed tokens"):
        TokenizerConfig("word", vocab_size=5)
    with pytest.raises(UserError, match="min_frequency"):
        TokenizerConfig(min_frequency=0)
    with pytest.raises(UserError, match="word, bpe, unigram or pretrained"):
        TokenizerConfig(kind="char")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="raise tokenizer.vocab_size"):
        train_tokenizer(TokenizerConfig("unigram", vocab_size=265), corpus())


def test_a_tiny_bpe_vocabulary_still_spells_everything() -> None:
    tokenizer = train_tokenizer(TokenizerConfig("bpe", vocab_size=262, min_frequency=1), ["hello world"])
    assert tokenizer.decode(encode(tokenizer, "any text 今天")) == "any text 今天"
