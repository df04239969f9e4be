"""Text functions: idempotent, harmless on tokenised text, undone by detokenise."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from textvae.text import TextConfig, detokenise, normalise, prepare, split_sentences, tokenise

anything = st.text(max_size=60)
# What people type and what has broken tokenizers: dense punctuation, contractions, masks, odd spaces.
typed = st.lists(
    st.sampled_from(
        [
            *" \"'`.,;:!?()[]{}<>-_#$%€&@/*",
            " ",
            " ",
            "n't",
            "'s",
            "'ll",
            "``",
            "''",
            "...",
            "--",
            "a",
            "I",
            "Dr.",
            "U.S.",
        ]
        + [
            "inc",
            "p.m",
            "cannot",
            "don't",
            "yahoo!",
            "5",
            "1,000",
            "<unk>",
            "##",
            "_num_",
            "http://a.b/c",
            "ß",
            "İ",
            "。",
        ]
    ),
    max_size=14,
).map("".join)
configs = st.builds(TextConfig, lowercase=st.booleans(), tokenise=st.booleans())

TOKENISED = [
    "the soup was n't hot , but the waiter did n't care !",
    "we 'll be back : it 's worth $ _num_ ( or _num_ % less ) .",
    "`` never again , '' she said ... and left",
    "## people in st. john 's , calif. , saw <unk> inc. 's at&t - branded show",
    "mac 'n cheese and rock 'n roll , y'all , at o'clock",
    "i ca n't , wo n't and am gon na tell dr. lee at 10:30 p.m .",
    "a/c was so-so ; # 1/2 of 10-15 : ) -- ok & fine",
    "my friends ' dog likes the teachers ' room",
]


@settings(max_examples=300, deadline=None)
@given(st.one_of(anything, typed), configs)
@example("a.(B)", TextConfig())
@example("\u1fef\u1fef", TextConfig())
@example("e\u00ad\u0301", TextConfig(tokenise=False))
@example("\u0130.\u0130", TextConfig())
def test_every_function_is_idempotent(text: str, config: TextConfig) -> None:
    for function in (normalise, tokenise, lambda line: prepare(line, config)):
        once = function(text)
        assert function(once) == once


@settings(max_examples=300, deadline=None)
@given(st.one_of(anything, typed), configs)
def test_prepared_text_is_one_clean_line(text: str, config: TextConfig) -> None:
    line = prepare(text, config)
    assert line == " ".join(line.split())
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in line)
    assert "\u2581" not in line and "\u2060" not in line  # marks that subword tokenizers use for themselves
    line.encode("utf-8")


@settings(max_examples=300, deadline=None)
@given(typed)
def test_tokenise_only_moves_spaces_and_rewrites_quotes_dots_and_dashes(text: str) -> None:
    def letters(line: str) -> str:
        return "".join(char for char in line if char not in " \"'`.-")

    assert letters(tokenise(text)) == letters(text)


@settings(max_examples=200, deadline=None)
@given(st.one_of(anything, typed))
def test_detokenise_and_split_sentences_take_any_text(text: str) -> None:
    assert "  " not in detokenise(text)
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(sentence == sentence.strip() != "" for sentence in sentences)


def test_lone_surrogates_and_control_characters() -> None:
    assert normalise("a\ud800b\x00c\u200bd\ufeff") == "a\ufffdb c d"
    prepare("\udcff", TextConfig()).encode("utf-8")


@pytest.mark.parametrize("char", ['"', "'", ":", "!", ".", "(", "a", "'s", "$5", ",a"])
def test_very_long_words_neither_overflow_the_stack_nor_take_forever(char: str) -> None:
    prepare(char * 100_000)
    detokenise(prepare(f"{char} " * 2_000))


@pytest.mark.parametrize(
    ("raw", "tokenised"),
    [
        ("Don't go!", "Do n't go !"),
        ("I can't, won't, haven't.", "I ca n't , wo n't , have n't ."),
        (
            "It's Joe's; they'd've left, I'm sure we'll see",
            "It 's Joe 's ; they 'd 've left , I 'm sure we 'll see",
        ),
        ("we cannot, gonna", "we can not , gon na"),
        ('He said: "Great, (really)."', "He said : `` Great , ( really ) . ''"),
        ('"Ok?" "Yes!" 5" wide', "`` Ok ? '' `` Yes ! '' 5 '' wide"),
        ("the 'best' of the '90s, boys' night", "the ' best ' of the '90s , boys ' night"),
        ("$20, 50%, #1, 1,000, 9:30pm, 1/2, 3.5", "$ 20 , 50 % , # 1 , 1,000 , 9:30pm , 1/2 , 3.5"),
        ("so good.... well..ok--no", "so good ... well ... ok -- no"),
        ("Wow!!! Really?!", "Wow ! ! ! Really ? !"),
        ("at 5 p.m. with Dr. A. Lee. We left.", "at 5 p.m. with Dr. A. Lee . We left ."),
        ("great food. nice staff.", "great food . nice staff ."),
        ("e.g. Acme Inc. and so on, etc.", "e.g. Acme Inc. and so on , etc ."),
        ("see http://a.b/c?d=e,f, or me@x.com.", "see http://a.b/c?d=e,f , or me@x.com ."),
        ("good,bad (ugly)", "good , bad ( ugly )"),
        ("so-called at&t and/or sh*t", "so-called at&t and/or sh*t"),
        ("<unk>'s (<unk>), ##% of $## and _num_%", "<unk> 's ( <unk> ) , ## % of $ ## and _num_ %"),
        ("i like it , but the soup was cold.", "i like it , but the soup was cold ."),
    ],
)
def test_tokenise_examples(raw: str, tokenised: str) -> None:
    assert tokenise(raw) == tokenised


@pytest.mark.parametrize("line", TOKENISED)
def test_tokenised_text_passes_unharmed_and_survives_a_round_trip(line: str) -> None:
    assert prepare(line) == line
    assert prepare(detokenise(line)) == line
    assert prepare(detokenise(line, truecase=False)) == line


@pytest.mark.parametrize(
    ("tokenised", "written"),
    [
        ("do n't go !", "Don't go!"),
        ("i 'm sure i can not . it 's $ 20 ( 50 % ) .", "I'm sure I cannot. It's $20 (50%)."),
        ("`` no , '' he said : `` never ! ''", '"No," he said: "never!"'),
        (
            "ok ... so the boys ' dog -- a ' big ' one -- left : )",
            "Ok... so the boys' dog -- a 'big' one -- left :)",
        ),
        ("it is acme inc. .", "It is acme inc."),
        ("_num_ dogs and <unk> # 1", "_num_ dogs and <unk> #1"),
        ("", ""),
    ],
)
def test_detokenise_examples(tokenised: str, written: str) -> None:
    assert detokenise(tokenised) == written


@pytest.mark.parametrize(
    "raw",
    [
        "I am sad :-( today",
        "so glad :-) or ;-) or :)",
        "the employee(s) will come (soon)",
        "we weren&#39;t told &amp; left",
        "it costs 5€ here, not $5",
        "@Acme where is it?",
        "iPhone broke",
    ],
)
def test_spaces_and_capitals_of_raw_text_come_back(raw: str) -> None:
    assert detokenise(prepare(raw, TextConfig(lowercase=False)), truecase=False) == raw
    if not raw[0].islower():
        assert detokenise(prepare(raw, TextConfig(lowercase=False)), truecase=True) == raw


def test_what_was_compressed_before_is_written_as_it_was() -> None:
    assert detokenise("employee ( s ) :- ( 5 €", truecase=False, tight=False) == "employee (s) :- (5 €"
    assert detokenise("iPhone i broke . @acme where", pronoun=False) == "iPhone i broke. @acme where"


def test_truecase_is_optional() -> None:
    assert detokenise("i 'm here . you too ?", truecase=False) == "i'm here. you too?"
    assert detokenise("i 'm here . you too ?") == "I'm here. You too?"


words = st.sampled_from(["the", "food", "was", "i", "we", "bad", "joe", "<unk>", "_num_", "##", "o'clock", "so-so"])
clitics = st.sampled_from(["do n't", "ca n't", "it 's", "they 've", "i 'm", "she 'd", "we 'll", "gon na", "$ _num_"])
wrapped = st.one_of(words.map("( {} )".format), words.map("`` {} ''".format), words.map("{} , but".format))
sentences = st.builds(
    lambda parts, end: " ".join([*parts, "food", end]),
    st.lists(st.one_of(words, clitics, wrapped), min_size=1, max_size=12),
    st.sampled_from([".", "!", "?", "...", "! !", ". ''", "? ! )"]),
)


@settings(max_examples=300, deadline=None)
@given(sentences, st.booleans())
def test_round_trip_of_tokenised_sentences(sentence: str, truecase: bool) -> None:
    assert prepare(sentence) == sentence
    assert prepare(detokenise(sentence, truecase=truecase)) == sentence


def test_chinese_and_emoji_pass() -> None:
    text = "今天天气很好。我们去公园吧！ 👩‍👩‍👧 ❤️"
    assert prepare(text) == text
    assert detokenise(text) == text


def test_typographic_marks_become_ascii() -> None:
    assert normalise("“I can’t”\u00a0– she said — then…") == '"I can\'t" - she said -- then...'
    assert normalise("cafe\u0301") == "caf\u00e9"


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Great food. Nice staff! Really?  Yes.", ["Great food.", "Nice staff!", "Really?", "Yes."]),
        ('Dr. Lee said "ok." We left at 5 p.m. sharp.', ['Dr. Lee said "ok."', "We left at 5 p.m. sharp."]),
        ("good food . nice staff ! ! never again", ["good food .", "nice staff ! !", "never again"]),
        ("今天天气很好。我们去公园吧！好", ["今天天气很好。", "我们去公园吧！", "好"]),
        ("It cost 3.50 at http://a.b/c.d", ["It cost 3.50 at http://a.b/c.d"]),
        (
            "The plan is approved.Parents left. See x.org/A.Bc now",
            ["The plan is approved.", "Parents left.", "See x.org/A.Bc now"],
        ),
        ("Smith et al. (1999) found it. Al left.", ["Smith et al. (1999) found it.", "Al left."]),
        (
            "»Das war gut.« Am Montag kam er. « Bon. » Il part.",
            ["»Das war gut.«", "Am Montag kam er.", "« Bon. »", "Il part."],
        ),
        ("1. First open it. 2. Then read 2. Go.", ["1. First open it.", "2. Then read 2.", "Go."]),
        (" \n ", []),
    ],
)
def test_split_sentences_examples(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


def test_sentences_are_cut_in_linear_time() -> None:
    began = time.process_time()
    assert len(split_sentences("mr. " * 64_000)) == 1
    assert time.process_time() - began < 2


def test_switches_of_the_config() -> None:
    assert prepare("It's  OK!", TextConfig(lowercase=False)) == "It 's OK !"
    assert prepare("It's  OK!", TextConfig(tokenise=False)) == "it's ok!"
    assert prepare("It's  OK!", TextConfig(lowercase=False, tokenise=False)) == "It's OK!"
    assert prepare("It's OK!") == "it 's ok !"
