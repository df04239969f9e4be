"""The grammar of the bundled sample: draw a content frame, fill its sentiment slots, write it per label.

A *frame* is a pattern with all of its neutral content (noun, time, place, people, price ...). A *filling*
gives each open sentiment slot a phrase. Both are drawn without regard to the label, which only selects the
version of each phrase. So a sentence and its counterpart share their content by construction.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from textvae.data import sample_lexicon as lexicon
from textvae.data import sample_phrases as phrases
from textvae.data.sample_templates import PATTERNS
from textvae.data.sample_words import Noun, Versions, fix_articles, pick, versions_of, words_of

Filling = Mapping[str, Versions]
Groups = tuple[tuple[Versions, ...], ...]
SLOT = re.compile(r"\{([^{}]+)\}")
CHOICE = re.compile(r"\[([^\[\]]*)\]")

# Neutral content.
TABLES = {
    "time": lexicon.TIMES,
    "loc": lexicon.LOCATIONS,
    "person": lexicon.PEOPLE,
    "money": lexicon.MONEY,
    "compared": lexicon.COMPARED,
    "occasion": lexicon.OCCASIONS,
}
TABLES_BY_DOMAIN = {
    "venue": lexicon.VENUES,
    "visit": lexicon.VISITS,
    "purpose": lexicon.PURPOSES,
    "task": lexicon.TASKS,
    "task_past": lexicon.TASKS,
}
# Sentiment.
PHRASES_BY_NOUN = {
    "predicate": phrases.PREDICATES,
    "noun_phrase": phrases.NOUN_PHRASES,
    "opinion": phrases.OPINIONS,
    "imperative": phrases.IMPERATIVES,
    "warning": phrases.WARNINGS,
    "superlative": phrases.SUPERLATIVES,
    "arrival": phrases.ARRIVALS,
}
PHRASES_FOR_ALL = {
    "manner": phrases.MANNERS,
    "attitude": phrases.ATTITUDES,
    "verdict": phrases.VERDICTS,
    "result": phrases.RESULTS,
    "hope": phrases.HOPES,
    "feeling": phrases.FEELINGS,
    "mood": phrases.MOODS,
    "venue_predicate": phrases.VENUE_PREDICATES,
    "adverb": phrases.ADVERBS,
    "wait": phrases.WAITS,
    "effect": phrases.EFFECTS,
}
ADJECTIVES = ("adjp", "adjp2", "att", "att2", "g", "gb", "g+", "g-")
SENTIMENT_SLOTS = (*ADJECTIVES, *PHRASES_BY_NOUN, *PHRASES_FOR_ALL)
GRADABLE_SHARE, PLAIN_SHARE = 0.65, 0.4  # of adjectives; of adjectives without an intensifier


@dataclass(frozen=True)
class Pattern:
    """One row of `PATTERNS` with its slots in order of appearance."""

    text: str
    weight: int
    kinds: frozenset[str]
    slots: tuple[str, ...]

    @cached_property
    def open_slots(self) -> tuple[str, ...]:
        """Sentiment slots to be filled; the fixed `[a|b|c]` choices are not among them."""
        return tuple(slot for slot in self.slots if slot in SENTIMENT_SLOTS)

    @cached_property
    def modifiers(self) -> tuple[str, ...]:
        """Slots of neutral content other than nouns."""
        return tuple(slot for slot in self.slots if slot in TABLES or slot in TABLES_BY_DOMAIN)


@dataclass(frozen=True)
class Frame:
    """A pattern with its neutral content (slot → words); `scales` says how adjectives are intensified."""

    pattern: Pattern
    domain: str
    nouns: Mapping[str, Noun]
    content: Mapping[str, str]
    scales: Mapping[str, tuple[str, Versions | None]]

    @property
    def words(self) -> tuple[str, ...]:
        """The neutral content that every version shows."""
        shown = [self.nouns[slot].text for slot in self.pattern.slots if slot in self.nouns]
        return (*shown, *(self.content[slot] for slot in self.pattern.modifiers))

    @property
    def anchor(self) -> str | None:
        """What the sentence is about: its noun, or else the place, if it has either."""
        return next((self.content[slot] for slot in ("n", "venue") if slot in self.pattern.slots), None)


class Grammar:
    """Draws frames and fillings; writes them for 2 labels (negative, positive) or 3 (with neutral)."""

    def __init__(self, labels: int = 2) -> None:
        if labels not in (2, 3):
            raise ValueError(f"the sample has 2 or 3 labels, not {labels}")
        self.labels = labels
        self.nouns = {
            domain: [Noun.parse(word, tags) for tags, table in tables.items() for word in words_of(table)]
            for domain, tables in lexicon.NOUNS.items()
        }
        # A domain is as likely as it has nouns, so that no noun is rare.
        self.domains = [domain for domain, nouns in self.nouns.items() for _ in nouns]
        # Patterns by weight; one without open slots gives several sentences a draw (see `sample._frames`).
        self.ladder = [
            pattern
            for pattern in (_parse(*row) for row in PATTERNS if self._has_versions(row[2]))
            for _ in range(pattern.weight * (labels if pattern.open_slots else 1))
        ]
        self._by_kinds: dict[tuple[str, frozenset[str]], list[Noun]] = {}
        self._by_tags: dict[tuple[str, frozenset[str]], Groups] = {}

    def _has_versions(self, text: str) -> bool:
        """Two-part choices, and patterns that speak of opposites, have no neutral version."""
        opposite = any(slot in text for slot in ("{g-}", "{noun_phrase}", "{warning}"))
        return self.labels == 2 or (not opposite and all(c.count("|") == 2 for c in CHOICE.findall(text)))

    def draw_frame(self, rng: random.Random, like: Frame | None = None) -> Frame:
        """A random frame; with `like`, one of the same pattern and domain."""
        while True:
            pattern = like.pattern if like else pick(rng, self.ladder)
            domain = like.domain if like else pick(rng, self.domains)
            nouns = self._draw_nouns(rng, pattern, domain)
            if nouns is not None:
                content = _draw_content(rng, pattern, domain, nouns)
                adjectives = [slot for slot in pattern.slots if slot.startswith("adjp")]
                scales = {slot: self._draw_scale(rng) for slot in adjectives}
                return Frame(pattern, domain, nouns, content, scales)

    def _draw_nouns(self, rng: random.Random, pattern: Pattern, domain: str) -> dict[str, Noun] | None:
        """The nouns of a pattern, or None where the domain does not have them."""
        if "n" not in pattern.slots:
            return {}
        fitting = self._of_kinds(domain, pattern.kinds)
        if not fitting:
            return None
        nouns = {"n": pick(rng, fitting)}
        tags = nouns["n"].tags
        for slot in ("n2", "nk"):
            if slot in pattern.slots:
                pool = fitting if slot == "nk" else [n for n in self.nouns[domain] if "price" not in n.tags]
                pool = [n for n in pool if bool(n.tags & tags) == (slot == "nk") and n != nouns["n"]]
                if not pool:
                    return None
                nouns[slot] = pick(rng, pool)
        return nouns

    def _of_kinds(self, domain: str, kinds: frozenset[str]) -> list[Noun]:
        if (domain, kinds) not in self._by_kinds:
            self._by_kinds[domain, kinds] = [noun for noun in self.nouns[domain] if noun.tags & kinds]
        return self._by_kinds[domain, kinds]

    def _draw_scale(self, rng: random.Random) -> tuple[str, Versions | None]:
        """Which adjectives (gradable or extreme) and which intensifier, if any."""
        scale = "gradable" if rng.random() < GRADABLE_SHARE else "extreme"
        if rng.random() < PLAIN_SHARE:
            return scale, None
        return scale, pick(rng, versions_of(lexicon.INTENSIFIERS[scale], self.labels))

    def draw_filling(self, rng: random.Random, frame: Frame) -> Filling:
        """A phrase for each open sentiment slot of the frame."""
        filling: dict[str, Versions] = {}
        for slot in frame.pattern.open_slots:
            choice = pick(rng, pick(rng, self.options(frame, slot)))
            while slot == "gb" and choice == filling["g"]:
                choice = pick(rng, pick(rng, self.options(frame, slot)))
            filling[slot] = choice
        return filling

    def options(self, frame: Frame, slot: str) -> Groups:
        """Groups of phrases that fit a slot; drawn group first, so that the few "crispy" are not rare."""
        if slot in PHRASES_FOR_ALL:
            return (versions_of(PHRASES_FOR_ALL[slot], self.labels),)
        tags = frame.nouns["n2" if slot.endswith("2") else "n"].tags
        if slot in PHRASES_BY_NOUN:
            return self._for_tags(slot, PHRASES_BY_NOUN[slot], tags)
        gradable = self._for_tags("gradable", phrases.GRADABLE, tags)
        extreme = self._for_tags("extreme", phrases.EXTREME, tags)
        if slot in frame.scales:
            return gradable if frame.scales[slot][0] == "gradable" else extreme
        return gradable + extreme if slot.startswith("att") else gradable

    def _for_tags(self, name: str, table: Mapping[str, str], tags: frozenset[str]) -> Groups:
        key = (name, tags)
        if key not in self._by_tags:
            fitting = [entries for kinds, entries in table.items() if tags & set(kinds.split())]
            groups = (versions_of(entries, self.labels) for entries in fitting)
            self._by_tags[key] = tuple(group for group in groups if group)
        return self._by_tags[key]

    def write(self, frame: Frame, filling: Filling) -> Versions:
        """The sentence once per label."""
        return tuple(self._write_one(frame, filling, label) for label in range(self.labels))

    def _write_one(self, frame: Frame, filling: Filling, label: int) -> str:
        # Choices are written negative | positive | neutral, in the order of the tables.
        choice = label if self.labels == 2 else (0, 2, 1)[label]

        def fill(match: re.Match[str]) -> str:
            slot = match.group(1)
            if slot not in filling:
                return frame.content[slot]
            if slot == "g+":
                return filling[slot][-1]
            version = filling[slot][1 - label if slot == "g-" else label]
            intensifier = frame.scales[slot][1] if slot in frame.scales else None
            return f"{intensifier[label]} {version}" if intensifier else version

        text = CHOICE.sub(lambda match: match.group(1).split("|")[choice], frame.pattern.text)
        while SLOT.search(text):  # phrases hold agreement slots of their own
            text = SLOT.sub(fill, text)
        return fix_articles(text)


def _parse(weight: int, kinds: str, text: str) -> Pattern:
    return Pattern(text, weight, frozenset(kinds.split()), tuple(dict.fromkeys(SLOT.findall(text))))


def _draw_content(rng: random.Random, pattern: Pattern, domain: str, nouns: Mapping[str, Noun]) -> dict[str, str]:
    """Words of the pattern's neutral slots, and of the agreement slots that follow from them."""
    content = {"at": "from" if domain == "home" else "at"}  # the plumber from the company, the waiter at the diner
    for slot in pattern.modifiers:
        words = words_of(TABLES[slot] if slot in TABLES else TABLES_BY_DOMAIN[slot][domain])
        content[slot] = pick(rng, words)
    content["wbe"] = "were"  # we, unless a person speaks
    if "person" in content:
        person = Noun.parse(content["person"])
        content |= {"person": person.text, "wbe": person.agreement()["be"]}
    for slot, form in (("task", 0), ("task_past", 1)):
        if slot in content:
            content[slot] = content[slot].split("|")[form]
    for slot, noun in nouns.items():
        content |= {slot: noun.text} | noun.agreement(suffix=slot[1:])
    return content | (_draw_noun_words(rng, nouns["n"]) if nouns else {})


def _draw_noun_words(rng: random.Random, noun: Noun) -> dict[str, str]:
    """Determiner, and what one does with the noun, both by its kind."""
    words = {"det": pick(rng, words_of(_by_kind(lexicon.DETERMINERS, noun)))}
    verbs: Sequence[str] = words_of(_by_kind(lexicon.KIND_VERBS, noun))
    if verbs:
        words |= zip(("do", "did", "doing", "done"), pick(rng, verbs).split("|"), strict=True)
    return words


def _by_kind(table: Mapping[str, str], noun: Noun) -> str:
    return next((table[kind] for kind in table if kind in noun.tags), "")
