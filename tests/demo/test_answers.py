"""What the buttons answer: the same as the library, a message for what is wrong, and never an exception."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any

import numpy as np
import pytest

from textvae.errors import UserError
from textvae.extras.demo import interpolation, rewriting, summaries, walking
from textvae.extras.demo.answers import OURS, Answers, Trail
from textvae.extras.demo.limits import Limits
from textvae.extras.demo.shelf import Shelf, StyleEntry, SummaryEntry
from textvae.extras.demo.walking import LONGEST_TRAIL

TEXT = "The food was very bad. It is not clean!"
NEWS = "The company said on Monday that profits rose in Ohio, and more is to come."


def words(html: str) -> str:
    """What a reader sees."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


# ---------------------------------------------------------------------- rewriting
@pytest.mark.parametrize("rerank", [False, True])
def test_rewritings_are_those_of_the_library(style: StyleEntry, rerank: bool) -> None:
    found = rewriting.rewrite(style, TEXT, ["positive", "negative"], 1.5, 3, rerank, 300)
    assert [block.style for block in found] == ["negative", "positive"]  # in the model's order
    search: dict[str, Any] = {"rerank": True} if rerank else {"beam": 5}
    for block in found:
        wanted = style.transfer.candidates(TEXT, target=block.style, strength=1.5, num_candidates=3, **search)
        assert [one.text for one in block.candidates] == [one.text for one in wanted] and len(wanted) == 3
        assert all((one.score is not None) == rerank for one in block.candidates)


def test_a_mixture_follows_its_exemplars(style: StyleEntry) -> None:
    exemplars = "It was great!\n\nThis place is friendly."
    found = rewriting.mix(style, TEXT, exemplars, 1.0, 2, False, 300)
    like = ("It was great!", "This place is friendly.")
    wanted = style.transfer.candidates(TEXT, like=like, strength=1.0, beam=5, num_candidates=2)
    assert [one.text for one in found.candidates] == [one.text for one in wanted]
    assert "1 more" in found.style


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("style", "  ", ["positive"], 1.0, 3, False), "is empty"),
        (("style", "x" * 301, ["positive"], 1.0, 3, False), "301 characters"),
        (("style", TEXT, [], 1.0, 3, False), "Choose a style"),
        (("style", TEXT, None, 1.0, 3, False), "Choose a style"),
        (("style", TEXT, ["angry"], 1.0, 3, False), "unknown label"),
        (("style", TEXT, ["positive"], 99, 3, False), "between 0 and 3"),
        (("style", TEXT, ["positive"], "x", 3, False), "must be a number"),
        (("style", TEXT, ["positive"], 1.0, 1000, False), "between 1 and 8"),
        (("bare", TEXT, ["positive"], 1.0, 3, True), "fit-scorers"),
        (("short", TEXT, ["positive"], 1.0, 3, False), "another model"),
        (("nothing", TEXT, ["positive"], 1.0, 3, False), "another model"),
    ],
)
def test_what_cannot_be_rewritten_is_told(answers: Answers, arguments: Any, message: str) -> None:
    told = answers.rewrite("me", *arguments)
    assert 'class="problem"' in told and message in words(told)


def test_the_page_shows_every_candidate(answers: Answers, style: StyleEntry) -> None:
    shown = words(answers.rewrite("me", "style", TEXT, ["positive"], 1.0, 3, False))
    for one in style.transfer.candidates(TEXT, target="positive", strength=1.0, beam=5, num_candidates=3):
        assert re.sub(r"\W", "", one.text) in re.sub(r"\W", "", shown)


# ---------------------------------------------------------------------- interpolation
def test_a_way_begins_and_ends_at_its_sentences(style: StyleEntry) -> None:
    first, second = "the food was very bad .", "it is so friendly and cheap ."
    latents = style.latents
    means = latents.encode([first, second]).means
    ends = [style.readable(text) for text in latents.write(means["z_s"], means["z_c"])]
    for moved in interpolation.MOVED:
        found = interpolation.interpolate(style, first, second, moved, 6, 300)
        assert len(found.texts) == 6 and found.texts[0] == ends[0] and not found.cut
        assert moved != "both" or found.texts[-1] == ends[1]
    mixed = latents.write(means["z_s"][:1], means["z_c"][1:])
    assert interpolation.interpolate(style, first, second, "content", 3, 300).texts[-1] == style.readable(mixed[0])


def test_of_a_long_text_the_first_sentence_is_read_and_that_is_said(answers: Answers, style: StyleEntry) -> None:
    found = interpolation.interpolate(style, TEXT, "It is good.", "both", 3, 300)
    assert found.cut and found.begin == "The food was very bad."
    assert "Only the first" in words(answers.interpolate("me", "style", TEXT, "It is good.", "both", 3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("", "b", "both", 3), "first sentence is empty"),
        (("a", "\u200b", "both", 3), "second sentence"),
        (("a", "b", "nothing", 3), "choose one of both"),
        (("a", "b", "both", 999), "between 3 and 12"),
    ],
)
def test_ways_that_do_not_exist(answers: Answers, arguments: Any, message: str) -> None:
    assert message in words(answers.interpolate("me", "style", *arguments))


# ---------------------------------------------------------------------- the map
@pytest.mark.parametrize("space", walking.SPACES)
def test_a_click_on_a_sentence_writes_from_its_own_point(style: StyleEntry, space: str) -> None:
    atlas = style.atlas()
    visit = walking.visit(style, space, (0.0, 0.0), sentence=4)
    z_s, z_c = (atlas.encoded.means[name][4:5] for name in ("z_s", "z_c"))
    assert visit.exact and visit.near == style.readable(atlas.sentences.texts[4])
    np.testing.assert_allclose(visit.place, walking.view(style, space).points[4])
    if space == "style":
        assert visit.written == (("here", style.readable(style.latents.write(z_s, z_c)[0])),)
    else:
        wanted = style.transfer.model.style_vector(1).detach().numpy()[None]
        assert visit.written[1] == ("positive", style.readable(style.latents.write(wanted, z_c)[0]))
        assert [name for name, _ in visit.written] == list(style.transfer.labels)


def test_a_click_beside_the_points_takes_the_nearest_along(style: StyleEntry) -> None:
    view = walking.view(style, "content")
    place = (0.31, 0.62)
    nearest = int(np.square(view.points - np.asarray(place)).sum(1).argmin())
    visit = walking.visit(style, "content", place)
    assert not visit.exact and visit.place == place and visit.near == view.sentences[nearest]


def test_a_sentence_of_the_user_is_found_where_the_same_one_of_the_data_is(style: StyleEntry) -> None:
    view = walking.view(style, "style")
    found = walking.place_of(style, "style", style.atlas().sentences.texts[2], 300)
    np.testing.assert_allclose(found.place, view.points[2], atol=1e-6)
    assert found.label == "yours"


def test_a_walk_leaves_a_trail_that_is_drawn(answers: Answers) -> None:
    trail: Trail = []
    for n in range(LONGEST_TRAIL + 2):
        drawn, told, trail = answers.walk("me", "style", "content", {"x": 0.3 + n / 50, "y": 0.5}, trail)
        assert drawn.count('class="been"') == len(trail) - 1 and told.count("<section") == len(trail)
    assert len(trail) == LONGEST_TRAIL
    drawn, told, trail = answers.locate("me", "style", "content", "It is good.", trail)
    assert "yours" in told and len(trail) == LONGEST_TRAIL
    assert drawn == answers.map("me", "style", "content", trail)


@pytest.mark.parametrize(
    "click",
    [{}, {"x": 0.5}, {"x": "a", "y": 0.5}, {"x": 5, "y": 0.5}, {"x": float("nan"), "y": 0.5}]
    + [{"x": 0.5, "y": 0.5, "sentence": n} for n in (-1, 399, "x", 1e9)],
)
def test_a_click_that_cannot_be_is_told_and_the_trail_stays(answers: Answers, click: Any) -> None:
    drawn, told, trail = answers.walk("me", "style", "content", click, [])
    assert 'class="problem"' in told and trail == [] and "<svg" in drawn


def test_a_model_without_data_has_no_map_and_says_why(answers: Answers) -> None:
    drawn, told, _ = answers.walk("me", "bare", "content", {"x": 0.5, "y": 0.5}, [])
    assert "There is no map" in words(drawn) and "There is no map" in words(told)
    assert "looks back" in words(answers.interpolate("me", "bare", "It is good.", "It is bad.", "both", 3))


# ---------------------------------------------------------------------- summaries
def test_summaries_are_those_of_the_library_and_keep_to_the_length(short: SummaryEntry, answers: Answers) -> None:
    for limit in (3, 6):
        found = summaries.summarise(short, NEWS, limit, 2, 300)
        wanted = short.summarizer.candidates(NEWS, words=limit, num_candidates=2)
        assert list(found.candidates) == wanted and all(one.words <= limit for one in wanted)
    assert "Kept" in words(answers.summarise("me", "short", NEWS, 6, 1))


@pytest.mark.parametrize("arguments", [("", 5, 1), (NEWS, 0, 1), (NEWS, 1000, 1), (NEWS, 5, 99), (NEWS, None, 1)])
def test_what_cannot_be_summarised_is_told(answers: Answers, arguments: Any) -> None:
    assert 'class="problem"' in answers.summarise("me", "short", *arguments)


# ---------------------------------------------------------------------- everybody
def test_who_asks_too_much_is_told_to_wait_and_others_are_not(shelf: Shelf) -> None:
    answers = Answers(shelf, Limits(rate=2))
    told = [answers.summarise("me", "short", NEWS, 5, 1) for _ in range(3)]
    assert ["problem" in one for one in told] == [False, False, True] and "Try again" in told[2]
    assert "problem" not in answers.summarise("you", "short", NEWS, 5, 1)


def test_a_mistake_of_ours_is_not_shown_to_users(
    answers: Answers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(summaries, "summarise", broken)
    told = answers.summarise("me", "short", NEWS, 5, 1)
    assert OURS in words(told) and "secret" not in told
    assert "RuntimeError: secret" in capsys.readouterr().err


def test_many_at_once_get_what_each_gets_alone(answers: Answers) -> None:
    texts = [f"The {noun} was {word}." for noun in ("food", "staff", "room") for word in ("bad", "good", "clean")] * 3

    def ask(place: int) -> str:
        if place % 3 == 2:
            return answers.summarise("me", "short", texts[place], 4, 1)
        return answers.rewrite("me", "style", texts[place], ["positive"], 1.0, 2, place % 2 == 0)

    alone = [ask(place) for place in range(len(texts))]
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(len(texts)))) == alone


def test_messages_are_for_people_of_the_page(style: StyleEntry) -> None:
    for exemplars in (" ", "\u200b"):
        with pytest.raises(UserError, match="style is wanted is empty") as told:
            rewriting.mix(style, TEXT, exemplars, 1.0, 1, False, 300)
        assert "--" not in str(told.value)
