"""The models that come with the package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support import ROOT

from textvae import StyleTransfer, Summarizer
from textvae.cli import main
from textvae.errors import UserError
from textvae.inference.acceptance import AcceptanceJudge
from textvae.inference.options import TransferOptions
from textvae.registry import folder_of, shipped

LINE = (
    "a man has been jailed for six months after he drove a stolen car into the wall of a school in the north of the "
    "city , police said on monday ."
)


SUMMARIZERS = ("news", "reuters")


def test_they_are_there() -> None:
    assert shipped() == sorted((*SUMMARIZERS, "yelp"))


@pytest.mark.parametrize("name", shipped())
def test_each_is_small_and_tells_where_it_comes_from(name: str) -> None:
    folder = folder_of(name)
    assert sum(path.stat().st_size for path in folder.rglob("*")) < (17e6 if name == "yelp" else 25e6)
    assert (folder / "best" / "model.safetensors").stat().st_size < (12e6 if name == "yelp" else 25e6)
    card = (folder / "best" / "README.md").read_text(encoding="utf-8")
    assert "## Data" in card and "sha256" in card and "## Limits" in card


def test_the_judge_of_yelp_hears_what_readers_hear() -> None:
    """Copies, broken frames, half a sentence and praise pushed in front are worth less than a good rewriting."""
    judge = AcceptanceJudge.load(folder_of("yelp") / "best" / "scorers")
    assert 0.5 < judge.threshold < 1
    source = "The food was terrible and the staff was rude."
    outputs = [
        *("The food was great and the staff was friendly.", source, "The food was great the and staff friendly was."),
        *("The food was great and the staff was rude.", "Loved the food was terrible and the staff was rude."),
        "My dentist is great.",
    ]
    good, *worse = judge([source] * len(outputs), outputs, ["positive"] * len(outputs))
    assert good > max(worse)


def test_a_sentence_in_another_style_without_naming_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transfer", "--to", "positive", "the food was bland", "--device", "cpu"]) == 0
    found = capsys.readouterr().out.split()
    assert found[:3] == ["the", "food", "was"] and "bland" not in found
    transfer = StyleTransfer.from_pretrained("yelp", device="cpu")
    assert transfer.settled(TransferOptions("positive")).rerank
    (best, *_) = transfer.candidates("the waiter was rude .", target="positive", num_candidates=3)
    assert best.score is not None and (best.style_probability or 0) > 0.5
    assert transfer("the waiter was rude .", target="positive", rerank=False)


@pytest.fixture(scope="module")
def yelp() -> StyleTransfer:
    return StyleTransfer.from_pretrained("yelp", device="cpu", precision="fp32")


UNCHANGED = [
    ("positive", "Budget is $500.", "no rewriting keeps $500"),
    ("positive", "The waiter wasn't rude at all.", "already positive"),
    ("positive", "Best tacos in town.", "already positive"),
    ("positive", "I love this place!", "already positive"),
    ("negative", "I will never go back.", "already negative"),
    ("positive", "Dictus n'est pas naturel.", "no words the model knows"),
    ("positive", "12345", "no words the model knows"),
    ("positive", "😀😀  ", "no words the model knows"),
    ("positive", "قال رئيس البلدية إن المدينة ستغلق ثلاث مدارس.", "no words the model knows"),
    ("positive", "Das Essen war “kalt”.", "no words the model knows"),
]


@pytest.mark.parametrize(("target", "text", "reason"), UNCHANGED)
def test_what_comes_back_as_it_was(yelp: StyleTransfer, target: str, text: str, reason: str) -> None:
    (found,) = yelp.candidates(text, target=target)
    assert (found.text, found.unchanged, found.kept) == (text.strip(), reason, (reason,))


@pytest.mark.parametrize("options", [{}, {"rerank": False}, {"rerank": False, "beam": 5}, {"sample": True}], ids=str)
def test_what_may_not_change_stays_whoever_searches(yelp: StyleTransfer, options: dict[str, object]) -> None:
    kept = {
        "Fresh ingredients, but the soup at Zorkan's cost $12.50.": ("Zorkan's", "$12.50"),
        'Maria said "the worst soup ever" on Monday.': ("Maria", '"the worst soup ever"', "Monday"),
        "It took 3 weeks to get a rude answer of Bob@example.com.": ("3 weeks", "Bob@example.com"),
        "Their price is bad, see www.zorkan.com for 10% off.": ("www.zorkan.com", "10%"),
    }
    outputs = yelp(list(kept), target="positive", num_candidates=1, **options)
    for words, output in zip(kept.values(), outputs, strict=True):
        assert all(word in output for word in words) and "_num_" not in output and "<unk>" not in output


def test_one_sentence_that_stays_does_not_hold_the_others(yelp: StyleTransfer) -> None:
    (found,) = yelp.candidates("Budget is “$500”.  The food was awful!", target="positive")
    assert found.text.startswith('Budget is "$500". The food was ') and "awful" not in found.text
    assert found.unchanged is None and found.kept[0].startswith("no rewriting keeps ") and found.kept[1] is None
    assert yelp("the food was bad", target="positive")[-1].isalpha()


def test_protected_words_stay_and_without_a_contract_nothing_does(yelp: StyleTransfer) -> None:
    text = "The rude waiter was rude."
    assert "rude waiter" not in yelp(text, target="positive")
    assert "rude waiter" in yelp(text, target="positive", protect=("rude waiter",))
    assert yelp("Budget is $500.", target="positive", contract=False) != "Budget is $500."


class Judge:
    """Accepts one thing."""

    threshold = 0.5

    def __call__(self, sources: list[str], outputs: list[str], targets: list[str]) -> np.ndarray:
        assert set(targets) == {"positive"} and not any("_num_" in text for text in (*sources, *outputs))
        return np.array([0.9 if "food was delicious" in output else 0.1 for output in outputs])


def test_what_readers_would_not_accept_comes_back(yelp: StyleTransfer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(yelp.__dict__, "judge", Judge())
    texts = ["The food was bad.", "The waiter was rude.", "The table is made of wood.", "I love this place!"]
    assert all(c[0].unchanged is None for c in yelp.candidates(texts[:2], target="positive", accept=0.0))
    found = [candidates[0] for candidates in yelp.candidates(texts, target="positive", accept=0.5)]
    assert found[0].text == "The food was delicious." and found[0].unchanged is None
    assert [c.unchanged for c in found[1:]] == ["no rewriting passes", "neutral", "already positive"]
    assert [c.text for c in found[1:]] == texts[1:]
    for wrong in ({"accept": 2.0}, {"accept": 0.5, "contract": False}, {"protect": "a", "contract": False}):
        with pytest.raises(UserError):
            yelp("The food was bad.", target="positive", **wrong)
    with pytest.raises(UserError, match="label"):
        yelp("The food was bad.", like="so good !", accept=0.5)


def test_unchanged_sentences_are_counted_and_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("\nawful food\n", encoding="utf-8")
    lines = tmp_path / "lines.txt"
    lines.write_text("Budget is $500.\nI love this place! The food was awful.\nawful food\n", encoding="utf-8")
    arguments = ["transfer", "--to", "positive", str(lines), "--device", "cpu", "--json", "--protect-file", str(words)]
    arguments += ["--accept", "0"]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row.get("unchanged") for row in rows] == ["no rewriting keeps $500", None, None]
    assert "awful food" in rows[2]["candidates"][0]["text"]
    assert err == "2 of 4 sentences unchanged: 1 no rewriting keeps $500, 1 already positive\n"
    assert main(["transfer", "--to", "positive", "--protect-file", str(tmp_path / "no"), "the food"]) == 2
    assert "--protect-file" in capsys.readouterr().err


def test_the_readme_shows_what_comes_out() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("|---|---|---|")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in table.strip().splitlines()]
    transfer = StyleTransfer.from_pretrained("yelp", device="cpu")
    assert len(rows) == 6
    for target, text, shown in rows:
        (found,) = transfer.candidates(text, target=target)
        told = f"*unchanged: {found.unchanged}*" if found.unchanged else found.text
        assert told == shown


@pytest.mark.parametrize("name", SUMMARIZERS)
def test_each_is_used_by_its_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    summarize = Summarizer.from_pretrained(name, device="cpu")
    stored = summarize.options()
    assert stored.choose_length and stored.min_words is not None and stored.words is not None
    found = summarize(LINE, detokenise=False).split()
    assert stored.min_words <= len(found) <= stored.words
    assert name != "news" or "jailed" in found
    assert len(summarize(LINE, words=6, detokenise=False).split()) <= 6


def test_an_unknown_name_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summarize", "newz"]) == 2
    assert "news, reuters, yelp" in capsys.readouterr().err
