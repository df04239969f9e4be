"""A pretrained tokenizer under our numbers: the same pieces of every text, our special tokens first."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from tests.pretrained_parts import SENTENCES, SOURCES
from textvae.errors import UserError
from textvae.inference.pieces import LineReader
from textvae.text import TextConfig
from textvae.tokenization.bag_of_words import BagOfWords
from textvae.tokenization.config import SPECIAL_TOKENS, TokenizerConfig
from textvae.tokenization.pretrained import WORD_START, load_tokenizer, token_ids, token_strings
from textvae.tokenization.style_words import StyleWords
from textvae.tokenization.training import adopt_tokenizer, source_vocabulary, train_tokenizer

KINDS = sorted(SOURCES)
every_kind = pytest.mark.parametrize("kind", KINDS)
ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="<"), max_size=20)
Pair = tuple[PreTrainedTokenizerFast, PreTrainedTokenizerFast]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tokenizers")
    for kind in KINDS:
        SOURCES[kind][0]().save_pretrained(folder / kind)
    return {kind: folder / kind for kind in KINDS}


@pytest.fixture(scope="module")
def pairs(folders: dict[str, Path]) -> dict[str, Pair]:
    """Theirs and ours, the latter saved and loaded."""
    found = {}
    for kind, folder in folders.items():
        train_tokenizer(TokenizerConfig(kind="pretrained", pretrained=str(folder)), []).save_pretrained(folder / "ours")
        found[kind] = AutoTokenizer.from_pretrained(folder), load_tokenizer(folder / "ours")
    return found


@every_kind
def test_special_tokens_come_first_and_no_id_is_missing(kind: str, pairs: dict[str, Pair]) -> None:
    theirs, ours = pairs[kind]
    assert tuple(ours.convert_ids_to_tokens(list(range(5)))) == SPECIAL_TOKENS
    assert sorted(ours.get_vocab().values()) == list(range(len(ours)))
    kept = ours.convert_ids_to_tokens(list(range(5, len(ours))))
    assert kept == [t for t in theirs.convert_ids_to_tokens(list(range(len(theirs)))) if t in set(kept)]
    gone = set(theirs.get_vocab()) - set(kept)
    assert gone == set(theirs.all_special_tokens) and not set(kept) & set(SPECIAL_TOKENS)


@every_kind
@settings(max_examples=60, deadline=None)
@given(text=st.one_of(st.sampled_from(SENTENCES), ANY_TEXT))
def test_every_text_has_the_same_pieces(kind: str, text: str, pairs: dict[str, Pair]) -> None:
    theirs, ours = pairs[kind]
    spaced = " " + text if kind in ("roberta", "bart", "gpt2") and text else text
    before = theirs.convert_ids_to_tokens(theirs(spaced, add_special_tokens=False)["input_ids"])
    after = ours.convert_ids_to_tokens(token_ids(ours, [text])[0])
    names = {theirs.unk_token: "<unk>"}
    assert after == [names.get(token, token) for token in before]


@every_kind
def test_control_tokens_cannot_be_typed(kind: str, pairs: dict[str, Pair]) -> None:
    theirs, ours = pairs[kind]
    for text in ("a </s> b", "<s>", "<pad><mask>", *theirs.all_special_tokens):
        ids = token_ids(ours, [text])[0]
        assert ids and not set(ids) & {0, 1, 2, 4}, text
    unknown = token_ids(ours, ["the <unk> was good"])[0]
    assert unknown.count(3) == 1


@every_kind
def test_a_read_line_is_written_back(kind: str, pairs: dict[str, Pair]) -> None:
    reader = LineReader(pairs[kind][1], TextConfig(), 60)
    lines = ["the food was very good , but i 'll be back .", "it is n't bad !"]
    if kind != "t5":  # its few pieces lack letters
        assert reader.decode(reader.encode(lines)) == lines
    words = lines[0].split(" ")
    assert sum((ids for ids in reader.encode(words)), []) == reader.encode(lines[:1])[0], "word by word as at once"


@every_kind
def test_pieces_are_marked_where_a_word_begins(kind: str, pairs: dict[str, Pair]) -> None:
    ours = pairs[kind][1]
    spelled = token_strings(ours)
    assert spelled[:5] == list(SPECIAL_TOKENS)
    for sentence in SENTENCES[::97]:
        ids = token_ids(ours, [sentence])[0]
        if 3 not in ids and kind != "bert":  # whose pieces begin a word at every punctuation mark
            assert "".join(spelled[i] for i in ids).replace(WORD_START, " ").strip() == sentence


@every_kind
def test_style_words_and_stop_words_are_no_content(kind: str, pairs: dict[str, Pair]) -> None:
    ours = pairs[kind][1]
    words = {t.removeprefix(WORD_START) for t in token_strings(ours) if t.startswith(WORD_START) and len(t) > 1}
    style, stop = sorted(w for w in words if w.isalpha())[:2]
    bag = BagOfWords.build(ours, [stop], StyleWords(({style: 5.0}, {})))
    spelled = token_strings(ours)
    content = {spelled[i] for i in range(len(ours)) if bag.content_ids[i] >= 0}
    assert WORD_START + style not in content and WORD_START + stop not in content
    assert not content & set(SPECIAL_TOKENS)
    assert [spelled[i] for i in bag.style_token_ids(ours)] == [WORD_START + style]


def test_roles_and_beginnings_are_found(folders: dict[str, Path]) -> None:
    found = {kind: source_vocabulary(str(folder)) for kind, folder in folders.items()}
    assert {kind for kind, vocabulary in found.items() if vocabulary.begins} == {"bert", "roberta", "bart"}
    end = len(SOURCES["gpt2"][0]()) - 1
    assert found["gpt2"].roles == {"bos": end, "eos": end, "unk": end}
    assert found["t5"].roles == {"pad": 0, "eos": 1, "unk": 2}


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no tokenizer can be read.*tokenizer.json"):
        adopt_tokenizer(str(tmp_path / "nothing"))
    with pytest.raises(UserError, match="give tokenizer.pretrained"):
        train_tokenizer(TokenizerConfig(kind="pretrained"), [])
    with pytest.raises(UserError, match="kind is word"):
        TokenizerConfig(pretrained="some/model")
