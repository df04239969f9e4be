"""Stop words: grammar only, in the form tokenised text has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from textvae.errors import UserError
from textvae.text import TextConfig, prepare
from textvae.tokenization.stop_words import english_stop_words, read_stop_words


def test_grammar_is_in_and_negations_and_content_are_out() -> None:
    words = english_stop_words()
    assert {"the", "i", "'s", "ca", "wo", "did", "does", "and", "of"} <= words
    assert not {"not", "n't", "no", "never", "nor", "nothing", "nobody", "without", "system", "fire", "two"} & words


def test_every_stop_word_is_a_token_of_tokenised_text() -> None:
    assert not [word for word in english_stop_words() if prepare(word) != word]


def test_contractions_fall_apart_into_stop_words_and_negation() -> None:
    pieces = set(prepare("I can't, won't, they'll, he's, we've, I'd, you're, gonna").split())
    assert pieces - english_stop_words() == {"n't", ","}


def test_a_file_of_another_language(tmp_path: Path) -> None:
    (tmp_path / "fr.txt").write_bytes("\ufeffLe\r\nla\r\n\r\nd\u2019\r\ne\u0301te\u0301\n".encode())
    assert read_stop_words(tmp_path / "fr.txt") == {"le", "la", "d '", "\u00e9t\u00e9"}
    cased = read_stop_words(tmp_path / "fr.txt", TextConfig(lowercase=False, tokenise=False))
    assert cased == {"Le", "la", "d'", "\u00e9t\u00e9"}


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "no stop words"), (b"le\n\xe9t\xe9\n", "fr.txt:2: byte 1 .* not UTF-8"), (b"\0", "NUL")],
)
def test_bad_files(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "fr.txt").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_stop_words(tmp_path / "fr.txt")


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, textvae.text, textvae.tokenization, textvae.tokenization.stop_words as _\n"
        "import textvae.tokenization.style_words\n"
        "print([m for m in ('torch', 'transformers', 'tokenizers', 'sklearn', 'nltk', 'sentencepiece') "
        "if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "[]"
