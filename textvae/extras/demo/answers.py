"""What the page's buttons call: strings and numbers of a user in, HTML out. No exception gets through."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from textvae.errors import UserError
from textvae.extras.demo import interpolation, markup, rewriting, summaries, walking
from textvae.extras.demo.limits import Limits, RateLimiter, checked_number
from textvae.extras.demo.shelf import MAPPED, Shelf, StyleEntry, SummaryEntry

Trail = list[walking.Visit]
"""Places visited on one map, the newest last."""

OURS = "Something went wrong on our side; the terminal in which the demo runs tells what. Try another text."


class Answers:
    """Answers of all models of a shelf, within limits. `address` is whose requests are counted together."""

    def __init__(self, shelf: Shelf, limits: Limits | None = None):
        self.shelf, self.limits = shelf, limits or Limits()
        self.limiter = RateLimiter(self.limits.rate)

    def rewrite(
        self, address: str, run: str, text: str, styles: list[str], strength: float, count: float, rerank: bool
    ) -> str:
        """A text in the styles of labels."""

        def answer() -> str:
            entry, most = self.shelf.find(run, StyleEntry), self.limits.characters
            return markup.rewritten(rewriting.rewrite(entry, text, styles or [], strength, count, rerank, most))

        return self.guarded(address, answer)

    def mix(self, address: str, run: str, content: str, style: str, strength: float, count: float, rerank: bool) -> str:
        """The content of a text with the style of others."""

        def answer() -> str:
            entry, most = self.shelf.find(run, StyleEntry), self.limits.characters
            return markup.rewritten([rewriting.mix(entry, content, style, strength, count, rerank, most)])

        return self.guarded(address, answer)

    def interpolate(self, address: str, run: str, first: str, second: str, moved: str, steps: float) -> str:
        """The way from a sentence to another."""

        def answer() -> str:
            entry = self.shelf.find(run, StyleEntry)
            found = interpolation.interpolate(entry, first, second, moved, steps, self.limits.characters)
            return markup.way(found) + looks_back(entry)

        return self.guarded(address, answer)

    def summarise(self, address: str, run: str, text: str, words: float, count: float) -> str:
        """A text in so many words."""

        def answer() -> str:
            entry = self.shelf.find(run, SummaryEntry)
            return markup.summarised(summaries.summarise(entry, text, words, count, self.limits.characters))

        return self.guarded(address, answer)

    # ------------------------------------------------------------------ the map
    def map(self, address: str, run: str, space: str, trail: Trail) -> str:
        """A map with the places walked so far."""
        return self.guarded(address, lambda: self.drawn(run, space, trail))

    def walk(
        self, address: str, run: str, space: str, click: Mapping[str, Any], trail: Trail
    ) -> tuple[str, str, Trail]:
        """A click, at fractions `x` and `y` of the drawing, and on `sentence` if on one: map, visits, trail."""

        def go(entry: StyleEntry) -> walking.Visit:
            x, y = (checked_number(click.get(name), "The place", -1, 2) for name in ("x", "y"))
            sentence = click.get("sentence")
            if sentence is not None:
                sentence = int(checked_number(sentence, "The sentence", 0, MAPPED))
            return walking.visit(entry, space, markup.off_map(x, y), sentence)

        return self.step(address, run, space, trail, go)

    def locate(self, address: str, run: str, space: str, text: str, trail: Trail) -> tuple[str, str, Trail]:
        """A user's own sentence on the map: map, visits, and the trail."""
        most = self.limits.characters
        return self.step(address, run, space, trail, lambda entry: walking.place_of(entry, space, text, most))

    def step(
        self, address: str, run: str, space: str, trail: Trail, go: Callable[[StyleEntry], walking.Visit]
    ) -> tuple[str, str, Trail]:
        """Another visit; where it fails the trail stays as it was."""
        grown = list(trail)

        def answer() -> str:
            entry = self.shelf.find(run, StyleEntry)
            grown.append(go(entry))
            del grown[: -walking.LONGEST_TRAIL]
            return markup.visits(grown) + looks_back(entry)

        told = self.guarded(address, answer)
        return self.guarded(None, lambda: self.drawn(run, space, grown)), told, grown

    def drawn(self, run: str, space: str, trail: Trail) -> str:
        """The map with a trail."""
        found = walking.view(self.shelf.find(run, StyleEntry), space)
        return markup.drawn_map(found, [visit.place for visit in trail])

    # ------------------------------------------------------------------ for all
    def guarded(self, address: str | None, answer: Callable[[], str]) -> str:
        """An answer, or the message of what was wrong; None for an address counts nothing."""
        try:
            if address is not None:
                self.limiter.take(address)
            return answer()
        except UserError as error:
            return markup.problem(str(error))
        except Exception:  # noqa: BLE001  (a demo outlives any one request; whoever runs it gets the traceback)
            traceback.print_exc(file=sys.stderr)
            return markup.problem(OURS)

    def facts(self, run: str) -> str:
        """A line about a model."""
        entry: Any = self.shelf.entries[run]
        if isinstance(entry, SummaryEntry):
            return markup.facts("Shortens texts.", [f"{len(entry.summarizer.vocabulary.tokens):,} words known"])
        labels, words = ", ".join(entry.transfer.labels), entry.transfer.model.config.vocab_size
        return markup.facts("Rewrites sentences.", [f"styles: {labels}", f"{words:,} words known"])


def looks_back(entry: StyleEntry) -> str:
    """A warning for models that need more than a point to write from."""
    if not entry.looks_back:
        return ""
    return markup.note(
        "This model also looks back at the words of its sentence, which a point alone does not have: "
        "what it writes here is poorer than its rewritings."
    )
