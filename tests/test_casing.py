"""Names keep the capitals that a model does not see."""

from __future__ import annotations

import pytest

from textvae.text import TextConfig, cased_forms, recased


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        (
            "The man Ann met in Rome. Rome is McCoy's, says NATO. Police said the ann",
            {"man ann": "Ann", "rome": "Rome", "mccoy": "McCoy", "nato": "NATO"},
        ),
        ("He told us that the US will close", {"the us": "US"}),
        ("Ala ma kota i psa", {"i": "i"}),
        ("So I said i do", {"so i": "I"}),
        ("Mario was late", {}),
        ("iPhone broke", {"iphone": "iPhone"}),
        ("THE FOOD IS BAD", {}),
        ("", {}),
    ],
)
def test_forms_with_capitals(text: str, forms: dict[str, str]) -> None:
    assert cased_forms(text, TextConfig()) == forms


def test_words_without_a_form_stay_as_they_are() -> None:
    assert recased("the man from rome saw rome", {"rome": "Rome"}) == "the man from Rome saw Rome"
    assert recased("the man", {}) == "the man"
    assert recased("the us told us", {"the us": "US"}) == "the US told us"
