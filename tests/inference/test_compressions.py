"""Complete and true by construction: what may be left out of a sentence, and what a summary may not say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textvae import Summarizer
from textvae.inference.compressions import FORBIDDEN, Sentence, balanced
from textvae.inference.grammar import PHRASE_OPENERS, words_of
from textvae.text import TextConfig, prepare


def sentence(text: str, headline: bool = False) -> Sentence:
    return Sentence(tuple(prepare(text, TextConfig(lowercase=False)).split()), headline)


def faults(document: str, summary: str, headline: bool = False) -> list[str]:
    source, words = sentence(document, headline), prepare(summary).split()
    return source.faults(words, source.align(words))


MAYOR = "The mayor, who was elected two years ago, said on Friday that the city will not close three schools in May."


@pytest.mark.parametrize(
    ("document", "summary"),
    [
        (MAYOR, "The city will not close three schools."),
        (MAYOR, "The mayor said the city will not close three schools."),
        ("Two men were arrested in London on Monday, police said.", "Two men were arrested."),
        ("The old stone bridge in Ohio is closed.", "The bridge is closed."),
        ("John Smith, the former star of a series, has died.", "John Smith has died."),
        ("The president (Obama) said on Monday he will act.", "The president (Obama) said he will act."),
    ],
)
def test_what_may_be_printed(document: str, summary: str) -> None:
    assert faults(document, summary) == []


@pytest.mark.parametrize(
    ("document", "summary", "fault"),
    [
        ("Two men were arrested in London on Monday.", "Two men were arrested in.", "ends on an opener"),
        (
            "Birmingham poet Benjamin Zephaniah is a star.",
            "Birmingham poet Benjamin Zephaniah is.",
            "ends on an opener",
        ),
        ("McLean has completed its previously announced merger.", "McLean has completed its previously.", "cut off"),
        (
            "Starbucks has opened its first new-style tea bar in Ohio.",
            "Starbucks has opened its first new-style.",
            "cut off",
        ),
        (MAYOR, "Said the city will not close three schools.", "subject"),
        (MAYOR, "The city will close three schools.", "joined"),
        (MAYOR, "The mayor will not close three schools.", "joined"),
        (MAYOR, "The city will not close four schools.", "number"),
        ("The price rose to $2.6 million on Monday.", "The price rose to $##.", "placeholder"),
        ("The soup was cold and the waiter was rude.", "Soup 4th qtr net", "number"),
        ("The soup was cold and the waiter was rude.", "Soup cold, says Reagan", "new word"),
        ("The president (Obama) will act.", "The president (Obama will act.", "marks"),
        ("The waiter was rude and left.", "The waiter was never rude.", "negation"),
        ("A man who left a glove at the scene has been jailed.", "A man who left a glove at the scene.", "no verb"),
    ],
)
def test_what_may_not(document: str, summary: str, fault: str) -> None:
    assert fault in faults(document, summary)


def test_a_headline_may_lack_articles_and_auxiliaries() -> None:
    document = "The company said it will cut 300 jobs in Ohio."
    source = sentence(document, headline=True)
    assert faults(document, "Company to cut 300 jobs in Ohio", headline=True) == []
    assert source.promises(1, source.lower.index("will"))
    assert faults("Two men were jailed in Ohio on Monday.", "Two men jailed", headline=True) == []
    assert "joined" in faults("Two men were jailed in Ohio on Monday.", "Two men jailed")


WORDS = words_of("the a of in on . , ( ) `` '' not said he it will Ann 12 dog dogs barked")


@given(st.lists(st.sampled_from(sorted(WORDS)), max_size=24))
@settings(max_examples=60, deadline=None)
def test_any_words_at_all(words: list[str]) -> None:
    """Ends, beginnings and gaps are told of whatever stands there, and no text ends on an opener."""
    for headline in (False, True):
        source = Sentence(tuple(words), headline)
        for place in range(len(words)):
            source.begins_at(place)
            assert not (source.ends_at(place) and source.lower[place] in PHRASE_OPENERS)
            assert all(place < after < len(words) for after in source.following(place))
        whole = list(range(len(words)))
        assert not set(source.faults(list(source.lower), whole)) & FORBIDDEN - {"empty"}
        assert balanced(words) == balanced(source.lower)


# ---------------------------------------------------------------------- with the models that ship
@pytest.fixture(scope="module")
def news() -> Summarizer:
    return Summarizer.from_pretrained("news", device="cpu")


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("12345", {}, None),
        ("市长周五表示,由于资金不足,该市将关闭三所学校。", {"words": 8}, None),
        ("Der Bürgermeister sagte, dass die Stadt drei Schulen schließen wird.", {}, None),
        ("The mayor said on Friday that the city will close three schools.", {"ratio": 1.0}, None),
        ("The mayor said on Friday that the city will close three schools.", {"words": 1}, "Mayor"),
        ("iPhone sales rose sharply in China, the company said on Monday.", {}, "iPhone sales rose in China."),
        (
            "The price of oil rose to $2.6 million on Monday, from $83.36 a year ago, the company said.",
            {},
            "The price of oil rose to $2.6 million.",
        ),
    ],
)
def test_documents_that_went_wrong(
    news: Summarizer, text: str, options: dict[str, float], expected: str | None
) -> None:
    (best, *_) = news.candidates(text, **options)
    assert (best.text, best.unchanged is None) == (expected or text, expected is not None)


def test_several_candidates_of_a_model_that_stores_one_beam(news: Summarizer) -> None:
    found = news.candidates("The mayor said on Friday that the city will close three schools.", num_candidates=3)
    assert len({c.text for c in found}) == 3 and all(c.text.endswith("schools.") for c in found[:2])


def test_a_paragraph_is_the_sentences_that_matter(news: Summarizer) -> None:
    paragraph = (
        "The tug sank off the coast on Monday. Two sailors were rescued by a helicopter after the tug hit a reef in "
        "heavy seas. The owner, a small company in Southampton, said it had no comment on the accident. Environmental "
        "groups demanded an inquiry into the spill. Tugboats are needed to pull the vessel off the reef, an official "
        "said. About 300 tonnes of oil have leaked into the bay since the accident."
    )
    for options, most in (({}, 14), ({"sentences": 2}, 28), ({"words": 25}, 25), ({"ratio": 0.3}, 29)):
        (best, *_) = news.candidates(paragraph, **options)
        assert best.unchanged is None and best.words <= most and best.text[0].isupper() and best.text.endswith(".")
    limited = news(paragraph, chars=60)
    assert len(limited) <= 60 and limited in paragraph or limited.endswith(".")


def test_the_script_counts_faults(tmp_path: Path) -> None:
    documents = ["Two men were arrested in London on Monday.", "The price rose to $2.6 million on Monday."]
    for summaries, code in (
        (["Two men were arrested.", documents[1]], 0),
        (["Two men were arrested in.", "It was $##."], 1),
    ):
        for name, lines in (("documents", documents), ("summaries", summaries)):
            (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
        path = Path(__file__).parents[2] / "scripts" / "summary_faults.py"
        done = subprocess.run(
            [sys.executable, path, tmp_path / "documents", tmp_path / "summaries"], capture_output=True
        )
        assert done.returncode == code
        assert (b"1  placeholder" in done.stdout) == bool(code)
