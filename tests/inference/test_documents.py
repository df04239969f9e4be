"""Documents are cut where texts end, nothing of them is lost, and summaries take their form."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textvae.data.unpaired.slots import SlotVocabulary
from textvae.inference.cutting import CLAUSE, INSIDE, SENTENCE, WORD, cut, strengths, unfused
from textvae.inference.documents import DocumentReader, writes_characters
from textvae.text import TextConfig, prepare, spaced
from textvae.tokenization.config import TokenizerConfig
from textvae.tokenization.training import train_tokenizer

from .random_summarizer import LANGUAGES

LIMIT = 10


def words_of(text: str) -> list[tuple[int, int]]:
    """Offsets of the words, as a word tokenizer gives them."""
    found, begin = [], 0
    for word in text.split(" "):
        found.append((begin, begin + len(word)))
        begin += len(word) + 1
    return found


def cut_words(text: str, limit: int = LIMIT) -> list[str]:
    return cut(text, words_of(text), limit)


@pytest.fixture(scope="module")
def readers() -> dict[str, DocumentReader]:
    found = {}
    for kind, texts in sorted(LANGUAGES.items()):
        tokenizer = {"character": "word", "chinese": "unigram"}.get(kind, kind)
        config = TokenizerConfig(kind=tokenizer, vocab_size=400)  # type: ignore[arg-type]
        trained = train_tokenizer(config, [spaced(t) for t in texts] if kind == "character" else texts)
        found[kind] = DocumentReader(SlotVocabulary(trained, 3 if tokenizer == "word" else 0), TextConfig(), LIMIT)
    return found


@pytest.fixture(params=sorted(LANGUAGES))
def reader(request: pytest.FixtureRequest, readers: dict[str, DocumentReader]) -> DocumentReader:
    return readers[request.param]


# ---------------------------------------------------------------------- where to cut
def test_what_fits_is_not_cut() -> None:
    assert cut_words("a b c . d e f .") == ["a b c . d e f ."]
    assert cut_words("a b c d e f g h i j") == ["a b c d e f g h i j"]


def test_sentences_stay_whole_and_pieces_even() -> None:
    assert cut_words("a b c . d e f . g h i j .") == ["a b c . d e f .", "g h i j ."]
    assert cut_words("a b . c d e . f g h i j k .") == ["a b . c d e .", "f g h i j k ."]
    assert cut_words("a b ! c d e f g h i .") == ["a b !", "c d e f g h i ."], "not in the middle of the second"


def test_a_sentence_that_is_too_long_is_cut_at_a_clause_or_a_word() -> None:
    assert cut_words("a b c d e f , g h i j k l m") == ["a b c d e f ,", "g h i j k l m"]
    assert cut_words("a b c d e f g because h i j k l") == ["a b c d e f g", "because h i j k l"]
    assert cut_words("a , b c d e f g h i j k l") == ["a , b c d e f", "g h i j k l"], "no clause in the second half"


def test_strengths_of_places() -> None:
    text = "it is , said he . so be it"
    assert strengths(text, words_of(text)) == [SENTENCE, WORD, WORD, CLAUSE, WORD, WORD, SENTENCE, WORD, WORD]
    text = "好的，我们去。他说ab"
    offsets = [(0, 2), (2, 3), (3, 6), (6, 7), (7, 9), (9, 10), (10, 11)]
    assert strengths(text, offsets) == [SENTENCE, WORD, CLAUSE, WORD, SENTENCE, WORD, INSIDE]
    assert strengths("é x", [(0, 1), (0, 1), (1, 3)]) == [SENTENCE, None, WORD], "never within a character"


def test_a_run_of_bytes_can_be_cut_between_its_characters() -> None:
    text = "x鬱a憂鬱é"
    assert unfused(text, [(0, 1), *[(1, 6)] * 12]) == [
        (0, 1),
        *[(1, 2)] * 3,
        (2, 3),
        *[(3, 4)] * 3,
        *[(4, 5)] * 3,
        *[(5, 6)] * 2,
    ]
    assert cut(text, [(0, 1), *[(1, 6)] * 12], 5) == ["x鬱a", "憂", "鬱é"]


@given(st.lists(st.sampled_from(["a", "bb", ".", ",", "!", "and"]), min_size=1, max_size=80), st.integers(1, 12))
def test_nothing_is_lost_and_no_piece_is_too_long(words: list[str], limit: int) -> None:
    pieces = cut_words(" ".join(words), limit)
    assert " ".join(pieces) == " ".join(words)
    assert all(0 < len(piece.split()) <= limit for piece in pieces)
    # a piece and its neighbours are only so small because sentences are so long
    for before, after in pairwise(pieces):
        assert len(f"{before} {after}".split()) > limit // 2


# ---------------------------------------------------------------------- documents
TEXT = st.text(alphabet="ab .,!?今天很好。，\n", max_size=120)


@given(TEXT)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_are_the_document(reader: DocumentReader, line: str) -> None:
    (document,) = reader.read([line])
    assert all(0 < len(p.ids) <= LIMIT for p in document.pieces)
    read = "".join(reader.vocabulary.decode(p.ids, p.slots) for p in document.pieces).replace(" ", "")
    whole = prepare(line).replace(" ", "")
    assert len(read) == len(whole) or "<unk>" in read
    if "<unk>" not in read:
        assert read == whole
    if not reader.vocabulary.subword:
        words = sum(p.words for p in document.pieces)
        assert words == sum(len(p.ids) for p in document.pieces)
        # a sentence may end within what stands between two spaces
        assert document.words <= words <= document.words + len(document.pieces)


def test_what_fits_is_read_as_in_training(reader: DocumentReader) -> None:
    line = "The company said. This week!"
    text = reader.prepare(line)
    assert len(reader.vocabulary.encode([text])[0].ids) <= LIMIT or reader.vocabulary.subword
    roomy = DocumentReader(reader.vocabulary, TextConfig(), 500)
    assert roomy.read([line])[0].pieces[0].ids == tuple(reader.vocabulary.encode([prepare(line)])[0].ids)


def test_slots_are_of_the_piece(readers: dict[str, DocumentReader]) -> None:
    reader = DocumentReader(readers["word"].vocabulary, TextConfig(), 14)
    line = "xerxes said that yolanda said that xerxes and zoe and wim said . zoe said this week ."
    (document,) = reader.read([line])
    assert [p.slots for p in document.pieces] == [("xerxes", "yolanda", "zoe"), ("zoe",)]
    words = reader.vocabulary.words
    assert [i - words for i in document.pieces[0].ids if i >= words] == [0, 1, 0, 2]
    assert 3 in document.pieces[0].ids, "wim, a fourth unknown word for three slots, is <unk>"


# ---------------------------------------------------------------------- the form of the answer
@pytest.mark.parametrize(
    ("line", "outputs", "written"),
    [
        ("Profits rose, he said.", ["profits rose .", "he said ."], "Profits rose. He said."),
        ("profits rose , he said .", ["profits rose ."], "profits rose ."),
        ("profits rose, he said.", ["profits rose ."], "profits rose."),
        ("On Monday NATO met Ann Lee, the iPhone's ...", ["nato met ann lee ."], "NATO met Ann Lee."),
        ("Monday, he said. Police said so.", ["he said police said so"], "He said police said so"),
        ("A Fed man and the fed", ["the fed man"], "The fed man"),
    ],
)
def test_the_summary_takes_the_form_of_the_document(
    readers: dict[str, DocumentReader], line: str, outputs: list[str], written: str
) -> None:
    reader = readers["word"]
    (document,) = reader.read([line])
    assert reader.write(outputs, document, "auto") == written
    assert reader.write(outputs, document, False) == " ".join(outputs)


@pytest.mark.parametrize("kind", ["character", "chinese"])
def test_chinese_is_written_as_it_came(readers: dict[str, DocumentReader], kind: str) -> None:
    reader = readers[kind]
    line, outputs = "市长今天上午说：旧桥将关闭。", [spaced("旧桥将关闭。"), spaced("市长说")]
    (document,) = reader.read([line])
    assert reader.write(outputs, document, "auto") == "旧桥将关闭。市长说"
    (apart,) = reader.read([spaced(line)])
    assert reader.write(outputs, apart, "auto") == "旧 桥 将 关 闭 。 市 长 说"
    assert reader.write(outputs, apart, True) == "旧桥将关闭。市长说"
    assert document.words == apart.words == len(line)


def test_a_long_chinese_text_is_cut_at_its_marks(readers: dict[str, DocumentReader]) -> None:
    expected = {
        "character": ["警方昨晚表示。", "该公司说明年会更好，", "学校停课。"],
        "chinese": [
            "警方昨晚表示。",
            "该公司说明年会",
            "更好，学校停课。",
        ],  # the second sentence, with the mark of a word's start, in two parts of one size
    }
    for kind, pieces in expected.items():
        reader = readers[kind]
        (document,) = reader.read(["警方昨晚表示。该公司说明年会更好，学校停课。"])
        assert [reader.vocabulary.decode(p.ids, p.slots).replace(" ", "") for p in document.pieces] == pieces


def test_which_vocabularies_are_characters(readers: dict[str, DocumentReader]) -> None:
    assert {kind: reader.by_character for kind, reader in readers.items()} == {
        kind: kind == "character" for kind in readers
    }
    assert not writes_characters(["今天", "很", "。"]) and not writes_characters(["a", "。"])
    assert writes_characters(["今", "iphone", "。"])
