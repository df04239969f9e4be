"""Toy news: documents whose true summary is known, written by a grammar of our own.

A document tells one *event* (who did what, sometimes where) among things that a summary leaves out: the weather, who
said so, how, with what result, and another event of the same kind, told in the pluperfect ("had"). The summary is the
event, in the document's own words and order:

    as thick fog kept tourists at home , the klavinton court , which had ended a land claim last year , after some
    delay , dismissed the patent dispute in dorsk , a quiet town , and the news spread quickly .
    -> the klavinton court dismissed the patent dispute in dorsk .

Its words are spread over the document and never its beginning, so that the first words are a bad summary, and so is
the first event. It is written as the documents are, articles and all: only what is told makes the difference. Names
are made of syllables and nearly all new, those of dev and test always: they must be copied.

There are two levels. In "clauses" every event says where, and all that a summary leaves out stands between commas, so
that what noise(y) can put into a text looks like it: a small model reaches nearly every true summary within a minute.
In "woven" some events say where, and much is inside the event's own phrases, where no comma tells:

    the lorn court had ended the land claim in june , but the klavinton court quietly dismissed what peth sork called
    the long awaited patent dispute in dorsk , which pleased some and angered others .

The sides are unpaired by construction: documents and summaries for training are drawn apart, and no event is in both.
`python scripts/samples/make_news.py [FOLDER] [--level woven]` writes the files, by default to data/sample-news; they
depend on the seed alone. The word tables are in `news.yaml`.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import yaml

from textvae.data.sample import pick, words_of, write_files

TABLES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("news.yaml").read_text(encoding="utf-8"))

HELD_OUT_NAMES = 0.2  # share of all names that only dev and test use
KNOWN_NAMES = 0.1  # share of places that are known towns

# "in the port of dorsk" would be undetermined: no summary writes so, and without pairs nothing tells that it is the
# summary's "in dorsk" rather than one more thing to leave out.
PLACE_NOTES = ("", " , a quiet town", " , a busy port", " , an hour from here")

Level = Literal["clauses", "woven"]


@dataclass(frozen=True)
class Event:
    """Who did what: who, verb, what, and in which place ("" for none)."""

    who: str
    verb: str
    what: str
    place: str

    @property
    def summary(self) -> str:
        """The event as a sentence."""
        return f"{self.named} {self.verb} the {self.what}{f' in {self.place}' if self.place else ''} ."

    @property
    def named(self) -> str:
        """Who did it, with its article."""
        return f"the {self.who}" if self.who.split()[-1] in words_of(TABLES["with_article"]) else self.who


@dataclass(frozen=True)
class Document:
    """A text about `event` that also mentions `background`."""

    text: str
    event: Event
    background: Event

    @property
    def summary(self) -> str:
        """The true summary."""
        return self.event.summary


@dataclass(frozen=True)
class News:
    """Documents to train on, summaries of other documents to train on, and pairs."""

    documents: tuple[str, ...]
    summaries: tuple[str, ...]
    dev: tuple[Document, ...]
    test: tuple[Document, ...]


def make_news(
    seed: int = 0,
    documents: int = 1_000,
    summaries: int = 1_500,
    dev: int = 100,
    test: int = 200,
    level: Level = "clauses",
) -> News:
    """The sample with so many of each, at a level of difficulty. No event is told twice."""
    rng = random.Random(seed)
    seen: set[tuple[str, str, str]] = set()

    def drawn(count: int, unseen: bool) -> tuple[Document, ...]:
        stream = (d for d in write_documents(rng, unseen, level) if _new(d.event, seen))
        return tuple(next(stream) for _ in range(count))

    training, others = drawn(documents, False), drawn(summaries, False)
    return News(tuple(d.text for d in training), tuple(d.summary for d in others), drawn(dev, True), drawn(test, True))


def _new(event: Event, seen: set[tuple[str, str, str]]) -> bool:
    """Whether nobody has done this yet; in another place it is the same event, or one summary would fit two texts."""
    told = (event.who, event.verb, event.what)
    if told in seen:
        return False
    seen.add(told)
    return True


def write_documents(rng: random.Random, unseen: bool = False, level: Level = "clauses") -> Iterator[Document]:
    """Endless documents; all of their names are held out from training (`unseen`) or none is."""
    writer = WRITERS[level](rng, unseen)
    while True:
        yield writer.document()


@dataclass(frozen=True)
class Writer:
    """Draws events and writes documents about them, all else between commas."""

    rng: random.Random
    unseen: bool

    with_place: ClassVar[float] = 1.0
    """Share of events that say where."""

    def document(self) -> Document:
        """One document: opening, event with something in between, ending; the background stands in one of the three."""
        topic = TABLES["topics"][pick(self.rng, sorted(TABLES["topics"]))]
        event, background = self.event(topic), self.event(topic)
        where = pick(self.rng, ("opening", "apposition", "ending"))
        opening = self.contrast(background) if where == "opening" else self.opening()
        apposition = f"which {self.told(background, named=False)}" if where == "apposition" else self.apposition()
        ending = f"while {self.told(background)}" if where == "ending" else self.ending()
        if where == "apposition":  # who did it is the event's own
            background = Event(event.who, background.verb, background.what, "")
        text = f"{opening} {self.main(event, apposition)} , {ending} ."
        return Document(" ".join(text.split()), event, background)

    def event(self, topic: dict[str, str]) -> Event:
        """Who, verb and what of one topic, and where."""
        place = self.place() if self.rng.random() < self.with_place else ""
        who = pick(self.rng, words_of(topic["who"])).replace("{n}", self.name())
        return Event(who, *(pick(self.rng, words_of(topic[part])) for part in ("verbs", "whats")), place)

    def main(self, event: Event, apposition: str) -> str:
        """The event in its own words, with clauses between who and verb."""
        between = f", {apposition} , {self.manner()} ," if apposition else f", {self.manner()} ,"
        return f"{event.named} {between} {event.verb} the {event.what}{self.where(event)}"

    def manner(self) -> str:
        """How, or on which day."""
        return self.word("manners") if self.rng.random() < 0.7 else f"on {self.word('days')}"

    def where(self, event: Event) -> str:
        """In which place, and what is said of it."""
        return f" in {event.place}{pick(self.rng, PLACE_NOTES)}" if event.place else ""

    def contrast(self, event: Event) -> str:
        """An opening that tells another event."""
        return f"although {self.told(event)} ,"

    def speaker(self) -> str:
        """An opening that says whose word it is."""
        return f"according to {self.person()} , {self.word('jobs')} ,"

    def told(self, event: Event, named: bool = True) -> str:
        """An event of the past, in the pluperfect."""
        who = f"{event.named} " if named else ""
        place = f" in {event.place}" if event.place and named else ""
        return f"{who}had {event.verb} the {event.what}{place} {self.word('past')}"

    def opening(self) -> str:
        """What comes before the event."""
        kind = pick(self.rng, ("weather", "report", "talks", "speaker", "town"))
        if kind == "weather":
            return f"as {self.word('weather')} kept {self.word('crowds')} at home ,"
        if kind == "report":
            return f"according to a report seen by {self.word('outlets')} ,"
        if kind == "talks":
            return f"after {self.word('talks')} with {self.word('groups')} ,"
        if kind == "speaker":
            return self.speaker()
        return f"while {self.word('crowds')} in {self.place()} waited for news ,"

    def apposition(self) -> str:
        """What is said of who did it, if anything."""
        if self.rng.random() < 0.4:
            return ""
        if self.rng.random() < 0.5:
            return self.word("known_for")
        return f"against the advice of {self.word('groups')}"

    def ending(self) -> str:
        """What comes after the event."""
        if self.rng.random() < 0.4:
            return f"{self.person()} , {self.word('jobs')} , told {self.word('outlets')}"
        return self.word("results")

    def word(self, table: str) -> str:
        """One entry of a table."""
        return pick(self.rng, words_of(TABLES[table]))

    def place(self) -> str:
        """A town."""
        return self.word("known_towns") if self.rng.random() < KNOWN_NAMES else self.name()

    def person(self) -> str:
        """Somebody with first and second name."""
        return f"{self.name()} {self.name()}"

    def name(self) -> str:
        """A name of two or three syllables, of the training's or of the others."""
        while True:
            middle = self.word("onsets") + self.word("vowels") if self.rng.random() < 0.4 else ""
            begin = self.word("onsets") + self.word("vowels")
            name = begin + middle + self.word("codas")
            if len(name) > 3 and held_out(name) == self.unseen:
                return name


class WovenWriter(Writer):
    """Weaves manner and judgement into the event, and begins with clauses that only "but" or "that" ends."""

    with_place: ClassVar[float] = 0.4

    def main(self, event: Event, apposition: str) -> str:
        manner = self.manner()
        middle = f"the {self.word('inserted')}" if self.rng.random() < 0.6 else "the"
        if self.rng.random() < 0.3:
            middle = f"what {self.person()} called {middle}"
        between = f", {apposition} ," if apposition else ""
        return f"{event.named} {between} {manner} {event.verb} {middle} {event.what}{self.where(event)}"

    def contrast(self, event: Event) -> str:
        return f"{self.told(event)} , but"

    def speaker(self) -> str:
        return f"{self.person()} , {self.word('jobs')} , told {self.word('outlets')} that"


WRITERS: dict[Level, type[Writer]] = {"clauses": Writer, "woven": WovenWriter}


@cache
def held_out(name: str) -> bool:
    """Whether a name is kept for dev and test."""
    return random.Random(f"name {name}").random() < HELD_OUT_NAMES


def news_files(news: News) -> dict[str, bytes]:
    """`documents.train.txt`, `summaries.train.txt`, `dev.jsonl` and `test.jsonl`."""

    def pairs(documents: tuple[Document, ...]) -> str:
        return "".join(json.dumps({"document": d.text, "summary": d.summary}) + "\n" for d in documents)

    return {
        "documents.train.txt": "".join(f"{text}\n" for text in news.documents).encode("ascii"),
        "summaries.train.txt": "".join(f"{text}\n" for text in news.summaries).encode("ascii"),
        "dev.jsonl": pairs(news.dev).encode("ascii"),
        "test.jsonl": pairs(news.test).encode("ascii"),
    }


def write_news(folder: str | Path, seed: int = 0, level: Level = "clauses") -> list[Path]:
    """Write the files of `make_news(seed, level=level)` into `folder`; returns their paths."""
    return write_files(folder, news_files(make_news(seed, level=level)))


ROOT = Path(__file__).resolve().parents[2]

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the bundled toy news again.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "data" / "sample-news")
    parser.add_argument("--level", choices=sorted(WRITERS), default="clauses", help="how hard the documents are")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for path in write_news(options.folder, options.seed, options.level):
        print(f"{path.stat().st_size:>9,} bytes  {path}")
