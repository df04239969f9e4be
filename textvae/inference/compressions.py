"""What makes a summary unfit to be shown, by the text alone: it lacks a part, or says what its document does not.

A summary is laid over its document: each word is one of the document's, or new. What is left out between two words must
be whole phrases, so that neighbours of the summary belong together as the document has it; a text ends where a phrase
does; it begins with a subject. No parser is needed, and no model: closed lists of English (`grammar`) and the document.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from textvae.inference.grammar import (
    AMOUNTS,
    BE,
    CLAIMS,
    COMPLEMENTS,
    DEALS,
    HANGING,
    HEADLINE_WORDS,
    HEDGES,
    NEGATIONS,
    PAIRS,
    PARTS,
    PHRASE_OPENERS,
    PLACEHOLDERS,
    PRONOUN_OBJECTS,
    SEEKING,
    SPEECH,
    STEMS,
    TAILS,
    TIMES,
    UNDROPPABLE,
    Kind,
    is_number,
    kinds,
    may_be_verb,
    stem,
)

FORBIDDEN = frozenset(("placeholder", "number", "new word", "negation", "marks", "ends on an opener", "empty"))
"""Faults that no summary may have, whatever else there is to choose from."""

STOPS = (".", "!", "?", "。", "！", "？", ";")
NOMINAL = (Kind.CONTENT, Kind.NUMBER)
CLAUSAL = (Kind.VERB, Kind.AUXILIARY)
OPENING = (Kind.PREPOSITION, Kind.CONJUNCTION, Kind.RELATIVE, Kind.ADVERB, Kind.PARTICLE)
"""What begins a new phrase."""


@dataclass(frozen=True)
class Sentence:
    """What is summarised: its words in the form people wrote them, tokenised. headline: articles, forms of `be` and
    `said it` may be left out, and new small words are usual."""

    words: tuple[str, ...]
    headline: bool = False
    read: tuple[str, ...] = ()
    """The words as a model reads them, where that is not lower case: `##` for a number."""

    @cached_property
    def lower(self) -> tuple[str, ...]:
        """The words in lower case."""
        return tuple(word.lower() for word in self.words)

    @cached_property
    def kinds(self) -> list[Kind]:
        """What each word does."""
        found = kinds(self.lower)
        if self.cased:  # Drew, Trade: a capital inside a sentence makes a name
            for place, word in enumerate(self.words):
                if place and found[place] == Kind.VERB and word[0].isupper():
                    found[place] = Kind.CONTENT
        return found

    @property
    def stops(self) -> bool:
        """Whether it ends with a full stop or its like."""
        return bool(self.lower) and self.lower[-1] in STOPS

    @cached_property
    def cased(self) -> bool:
        """Whether capitals tell names."""
        return any(word[:1].isupper() for word in self.words[1:]) and not all(w == w.upper() for w in self.words)

    @cached_property
    def has_verb(self) -> bool:
        """Whether there is a verb."""
        return any(kind in CLAUSAL for kind in self.kinds)

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for place, word in enumerate(self.read or self.lower):
            found.setdefault(word, []).append(place)
        return found

    @cached_property
    def _stems(self) -> set[str]:
        return {stem(word) for word, kind in zip(self.lower, self.kinds, strict=True) if kind <= Kind.VERB}

    @cached_property
    def _depths(self) -> list[int]:
        """How many brackets and quotations are open at each word, its own included; -1 for a mark without its pair."""
        depths, open_ = [0] * len(self.lower), list[tuple[int, str]]()
        for i, word in enumerate(self.lower):
            if open_ and word == open_[-1][1]:
                begin, _ = open_.pop()
                for k in range(begin, i + 1):
                    depths[k] += 1
            elif word in PAIRS:
                open_.append((i, PAIRS[word]))
            elif word in PAIRS.values():
                depths[i] = -1
        for begin, _ in open_:
            depths[begin] = -1
        return depths

    # ------------------------------------------------------------------ laying a summary over it
    def align(self, summary: Sequence[str]) -> list[int | None]:
        """The place of each word of a summary (as read), None for a new one: few gaps, and in order if it can be."""
        best: dict[int, tuple[float, tuple[int | None, ...]]] = {-1: (0.0, ())}
        for word in summary:
            grown: dict[int, tuple[float, tuple[int | None, ...]]] = {}
            for at, (cost, path) in best.items():
                for place in self._places.get(word) or (None,):
                    end = at if place is None else place
                    total = cost + _cost(at, place)
                    if end not in grown or total < grown[end][0]:
                        grown[end] = total, (*path, place)
            best = grown
        return list(min(best.values(), key=lambda pair: pair[0])[1])

    # ------------------------------------------------------------------ faults
    def faults(self, summary: Sequence[str], places: Sequence[int | None]) -> list[str]:
        """What is wrong with a summary (lower case) whose words stand at `places`; empty where nothing is."""
        return [*self.false(summary, places), *self.broken(summary, places)]

    def false(self, summary: Sequence[str], places: Sequence[int | None]) -> Iterator[str]:
        """Placeholders, numbers, names and negations that it does not have; marks without their pair; an open end."""
        said = [word for word in summary if _is_word(word)]
        if not said:
            yield "empty"
        for word, place in zip(summary, places, strict=True):
            if place is None and _is_word(word):
                yield from self._new(word)
        if not balanced(summary) and balanced(self.lower):
            yield "marks"
        if said and said[-1] in PHRASE_OPENERS and said[-1] != self._last:
            yield "ends on an opener"

    @cached_property
    def _last(self) -> str:
        """Its own last word."""
        return next((word for word in reversed(self.lower) if _is_word(word)), "")

    def _new(self, word: str) -> Iterator[str]:
        """What is wrong with a word that it does not have."""
        if PLACEHOLDERS.fullmatch(word):
            yield "placeholder"
        elif is_number(word):
            yield "number"
        elif word in NEGATIONS:
            yield "negation"
        elif word not in HEADLINE_WORDS and stem(word) not in self._stems:
            yield "new word"

    def broken(self, summary: Sequence[str], places: Sequence[int | None]) -> Iterator[str]:
        """Whether it begins, goes on and ends like a text."""
        told = [(word, place) for word, place in zip(summary, places, strict=True) if _is_word(word)]
        if not told:
            return
        word, place = told[0]
        if not (self._opens(word) if place is None else self.begins_at(place)):
            yield "subject"
        word, place = told[-1]
        if not (word not in HANGING if place is None else self.ends_at(place)):
            yield "cut off"
        if self.has_verb and not self._has_verb(told):
            yield "no verb"
        elif self._says_nothing(summary):
            yield "cut off"
        if any(a is not None and b is not None and not self.joins(a, b) for a, b in pairwise(places)) or any(
            b is None and not self._bridges(a, c) for a, b, c in zip(places, places[1:], places[2:], strict=False)
        ):
            yield "joined"
        if any(a == b and _is_word(a) for a, b in pairwise(summary)):
            yield "repeats"

    def _opens(self, word: str) -> bool:
        """Whether a text can begin with a new word."""
        return word in ("a", "the") or not may_be_verb(word) and word not in PHRASE_OPENERS | {"up", "down"}

    def _has_verb(self, told: Sequence[tuple[str, int | None]]) -> bool:
        """Whether there are more verbs than clauses that only modify a noun; in a headline `to` can stand for one."""
        verbs = relatives = 0
        before, last = False, ""
        for word, place in told:
            kind = None if place is None else self.kinds[place]
            if kind is None:
                verb = may_be_verb(word) or word == "to" and self.headline
            elif self.headline and last == "to" and word in STEMS:
                verb = True
            else:
                assert place is not None
                verb = self.acts_at(place) and last != "to" or before and kind in CLAUSAL
            verbs += verb and not before
            before = verb or before and kind in (Kind.ADVERB, Kind.NEGATION)
            relatives += place is not None and self._relative(place)
            last = word
        return verbs > relatives

    def acts_at(self, place: int) -> bool:
        """Whether a word can be the verb of a sentence: no participle alone, no infinitive but in a headline."""
        before = self.lower[place - 1] if place else ""
        if self.kinds[place] not in CLAUSAL or before == "to" and not self.headline:
            return False
        participle = self.lower[place].endswith("ing") and not self.headline
        if self.lower[place + 1 : place + 2] == ("by",) and self.kinds[place - 1] in NOMINAL:
            return False  # the company owned by ...
        return not participle and not (place and self._relative(place - 1))

    def _says_nothing(self, summary: Sequence[str]) -> bool:
        """Whether its only verb is `said` and what was said is missing."""
        verbs = [i for i, word in enumerate(summary) if may_be_verb(word)]
        if verbs and summary[verbs[-1]] in SPEECH and verbs[-1] > 0:
            rest = [word for word in summary[verbs[-1] + 1 :] if _is_word(word)]
            if all(word in TIMES or word == "on" for word in rest) and "," not in summary and "''" not in summary:
                return True
        said = next((i for i in verbs if summary[i] in CLAIMS), None)
        if said is None or any(i != said and i != said + 1 for i in verbs):
            return False
        before = summary[:said]
        return "," not in before and "''" not in before

    def _relative(self, place: int) -> bool:
        """Whether a word opens a clause that modifies the noun before it."""
        if self.lower[place] == "that" and place:
            return self.kinds[place - 1] in NOMINAL and self.lower[place - 1] not in TIMES
        return self.kinds[place] == Kind.RELATIVE

    # ------------------------------------------------------------------ where a text may begin
    def begins_at(self, place: int) -> bool:
        """Whether a text can begin with a word: no verb, no bare pronoun for what was cut, no rest of a phrase."""
        word, kind = self.lower[place], self.kinds[place]
        if kind == Kind.MARK or self._depths[place]:
            return self._depths[place] == 1 and (place == 0 or place == self._first == 1)
        if place == self._first:
            if kind == Kind.ADVERB and self.kinds[place + 1 : place + 2] == [Kind.VERB]:
                return False
            return kind not in (Kind.CONJUNCTION, Kind.POSSESSIVE, Kind.VERB)
        if kind in (*CLAUSAL, *OPENING, Kind.POSSESSIVE, Kind.PRONOUN) or word in ("their", "its", "his", "her"):
            return False
        before = self.kinds[place - 1] == Kind.MARK
        if before and (kind == Kind.NUMBER or "," in self.lower[place + 1 : place + 3]):
            return False
        if kind == Kind.NEGATION and word not in ("no", "nobody", "nothing", "none"):
            return False
        return self._starts_phrase(place)

    @cached_property
    def _first(self) -> int:
        """The place of the first word that is no mark."""
        return next((i for i, kind in enumerate(self.kinds) if kind != Kind.MARK), 0)

    def _starts_phrase(self, place: int) -> bool:
        """Whether a noun phrase that is a subject begins at a word, or goes on there with a name of its own."""
        at = place - 1
        while at >= 0 and self.kinds[at] in NOMINAL and self.lower[at] not in TIMES:
            at -= 1
        if at >= 0 and self.kinds[at] == Kind.DETERMINER:
            if at == place - 1 and self.headline or self.cased and self._named(place) and not self._named(place - 1):
                at -= 1
            else:
                return False
        elif at < place - 1:
            if self.lower[place - 1] in UNDROPPABLE:
                return False
            apart = not self._named(place - 1) if self.cased else self.kinds[place + 1 : place + 2] == [Kind.CONTENT]
            if not apart:
                return False
        if at < 0:
            return True
        before, kind = self.lower[at], self.kinds[at]
        if kind == Kind.MARK:
            said = before == "''" and self.lower[at - 1] in (",", *STOPS)
            tail = before in (",", "''") and at + 9 > len(self.words) and bool(TAILS & set(self.lower[at:]))
            return not tail and (said or before in (",", *STOPS, ":", "--", "-", ")", "``"))
        if before in TIMES:
            return True
        if kind == Kind.CONJUNCTION:
            return at == 0 or before in ("that", "but", "while", "although") or self.lower[at - 1] == ","
        return before in CLAIMS and at + 2 >= place

    def _named(self, place: int) -> bool:
        """Whether a word has a capital or a digit."""
        word = self.words[place].lstrip("<(")
        return word[:1].isupper() or word[:1].isdigit()

    # ------------------------------------------------------------------ where a text may end
    def ends_at(self, place: int) -> bool:
        """Whether a text can end with a word: no opener, no phrase that goes on there."""
        word, kind, after = self.lower[place], self.kinds[place], place + 1
        if self._depths[place]:
            return self._depths[place] == 1 and word in (")", "''") and self._closes(place)
        if kind in (Kind.MARK, Kind.POSSESSIVE, Kind.PRONOUN, Kind.CONJUNCTION) or word in PHRASE_OPENERS:
            return False
        if after >= len(self.words):
            return True
        if word in HANGING or kind == Kind.NEGATION or kind == Kind.DETERMINER:
            return self._closes(place)
        following, then = self.lower[after], self.kinds[after]
        if then == Kind.MARK:
            return self._mark_ends(after)
        if word in SPEECH:
            return False
        if following == "to":
            return kind in NOMINAL and word not in PARTS and (word in DEALS or not self._infinitive(after))
        if following == "of":
            return kind == Kind.CONTENT and word not in PARTS
        if following in ("compared", "based"):
            return kind in NOMINAL
        if following in ("and", "or", "&") and self.cased and self._named(place) and self._name_goes_on(after):
            return False
        if word.endswith(("-year", "-day", "-month", "-week", "-old", "-mln", "-million")):
            return False
        if then in OPENING:
            if kind == Kind.VERB and following == "by" and self.kinds[place - 1] not in (Kind.AUXILIARY, Kind.ADVERB):
                return False
            return kind not in CLAUSAL or self._verb_ends(after)
        if kind in CLAUSAL or then in CLAUSAL or kind == Kind.PARTICLE:
            return False
        if word in TIMES or kind == Kind.ADVERB:
            named = kind == Kind.CONTENT and then == Kind.CONTENT
            return then != Kind.NUMBER and following not in TIMES and not named
        participle = following.endswith("ing") and len(following) > 5 and after + 1 < len(self.words)
        return participle and self.kinds[after + 1] in (Kind.DETERMINER, Kind.PREPOSITION, Kind.PARTICLE)

    def _name_goes_on(self, after: int) -> bool:
        """Whether `and` joins parts of a name: Securities and Exchange Commission."""
        return after + 1 < len(self.words) and self._named(after + 1)

    def _verb_ends(self, after: int) -> bool:
        """Whether a verb needs nothing of the phrase that begins after it: `died [in]`, not `charged [with]`."""
        if self.kinds[after] in (Kind.RELATIVE, Kind.PARTICLE) or self.lower[after] in COMPLEMENTS:
            return False
        if self.lower[after] == "for" and stem(self.lower[after - 1]) in SEEKING:
            return False
        counted = after + 1 < len(self.words) and self.kinds[after + 1] == Kind.NUMBER
        return not counted or self.lower[after] not in ("about", "over", "under", "around", "above", "below")

    def _mark_ends(self, place: int) -> bool:
        """Whether a text may end before a mark: not a hyphen, nor one that goes around more of its phrase."""
        mark = self.lower[place]
        if mark in ("''", "'", '"', ")", "-", "/", "&"):
            return False
        return mark in (*STOPS, ",", ":", "--", "(", "...")

    def _closes(self, place: int) -> bool:
        """Whether a clause ends after a word."""
        return place + 1 >= len(self.words) or self.lower[place + 1] in (*STOPS, ",")

    def _infinitive(self, place: int) -> bool:
        """Whether `to` at a place opens an infinitive, not a direction."""
        after = place + 1
        if after >= len(self.words):
            return True
        directed = self.kinds[after] in (Kind.DETERMINER, Kind.NUMBER) or self.lower[after] in PRONOUN_OBJECTS
        return not directed and not (self.cased and self._named(after))

    def phrase(self, most: int) -> list[str]:
        """Up to `most` words that name what it is about: the end of its first noun phrase."""
        words = [place for place, kind in enumerate(self.kinds) if kind == Kind.CONTENT]
        if not words:
            return [word for word in self.words if _is_word(word)][:most]
        end = words[0]
        while end + 1 < len(self.kinds) and self.kinds[end + 1] == Kind.CONTENT:
            end += 1
        return list(self.words[max(words[0], end + 1 - most) : end + 1])

    # ------------------------------------------------------------------ what may be left out
    def joins(self, i: int, j: int) -> bool:
        """Whether the words at i and j may be neighbours: nothing but whole phrases stands between them."""
        return j in self.following(i) if j > i else self.headline and bool({self.lower[i], self.lower[j]} & SPEECH)

    def following(self, i: int) -> frozenset[int]:
        """The places that may come after a place."""
        if i not in self._following:
            self._following[i] = frozenset(self._after(i))
        return self._following[i]

    @cached_property
    def _following(self) -> dict[int, frozenset[int]]:
        return {}

    def _after(self, i: int) -> Iterator[int]:
        """What `following` holds. Places are looked at in turn, and what stands between grows."""
        if i + 1 < len(self.words) and self._goes_on(i):
            yield i + 1
        gap: list[int] = []
        for j in range(i + 1, len(self.words)):
            if j == len(self.words) - 1 and self.stops:
                if j > i + 1 and self.ends_at(i):
                    yield j
                return
            if gap and self._depths[j] == self._depths[i] and self._drops(gap, i, j):
                yield j
            if self._depths[j] == self._depths[i] or self._depths[i] > 0:
                gap.append(j)
            if self.lower[j] in NEGATIONS or self.lower[j] in STOPS:
                last = len(self.words) - 1
                if self.stops and j < last and self.ends_at(i):
                    yield last
                return

    def _goes_on(self, i: int) -> bool:
        """Whether the next word may follow: no mark without its pair, nothing that is better left out."""
        if self.lower[i] in SPEECH and self.lower[i + 1] == "," or self._depths[i + 1] < 0:
            return False
        return not self._kept_relative(i) and not self._wordy(i + 1)

    def _wordy(self, place: int) -> bool:
        """Whether `said it` is written out at a place where a headline goes straight on."""
        if not self.headline or self.lower[place] not in SPEECH or place + 3 >= len(self.words):
            return False
        begin = place + 2 if self.lower[place + 1] != "that" else place + 3
        return (
            self.kinds[place - 1] in NOMINAL
            and self.lower[begin - 1] in ("it", "they")
            and any(
                self.kinds[j] in CLAUSAL and self._reported(range(place, j))
                for j in range(begin, min(begin + 3, len(self.words)))
            )
        )

    def _kept_relative(self, i: int) -> bool:
        """Whether a clause that modifies the subject begins after it and can be left out: then it is."""
        if not self._relative(i + 1) or any(kind in CLAUSAL for kind in self.kinds[:i]):
            return False
        return any(
            self.kinds[j] in CLAUSAL and self._drops(list(range(i + 1, j)), i, j) for j in range(i + 3, len(self.words))
        )

    def _drops(self, gap: Sequence[int], i: int, j: int) -> bool:
        """Whether the words of a gap can go from between i and j."""
        a, z, first, last = self.kinds[gap[0]], self.kinds[j], self.lower[gap[0]], self.lower[gap[-1]]
        if self.kinds[i] == Kind.MARK and self.lower[i] not in (":", "--") or z == Kind.POSSESSIVE:
            alone = not any(self.lower[k] == "," or self.kinds[k] in CLAUSAL for k in gap[:-1])
            return alone and self.lower[i] == last == "," and z in (Kind.PREPOSITION, Kind.ADVERB)
        if first == "," and last == "," and len(gap) > 2:
            return self._inserted(gap, i, j)
        if self.lower[j] in ("of", "than", "percent", "%") or self.lower[i] in ("``", "`"):
            return False
        if self._free(gap):
            return z != Kind.CONTENT or self.kinds[i] in (*CLAUSAL, Kind.DETERMINER)
        if len(gap) == 1 and first == "that":
            return self.kinds[i] in (Kind.VERB, Kind.ADVERB) or self.lower[i] in TIMES
        if z in CLAUSAL and self.kinds[i] in NOMINAL and self._reported(gap):
            return True
        if self.headline and self._be(gap):
            return self.kinds[i] in NOMINAL and (z == Kind.VERB or self.lower[j] == "to")
        acting = any(self.kinds[k] in CLAUSAL or self.kinds[k] == Kind.PRONOUN for k in gap)
        if not acting and all(self.kinds[k] in (*NOMINAL, Kind.DETERMINER, Kind.ADVERB) for k in gap):
            return self._modifiers(gap, i, j)
        if z in CLAUSAL and not self._subject(i):
            return False
        if self._relative(gap[0]):
            return self._relative_goes(gap, i, j, acting)
        if a in (Kind.PREPOSITION, Kind.PARTICLE) and not acting:
            return self._prepositional(gap, i, j)
        return False

    def _inserted(self, gap: Sequence[int], i: int, j: int) -> bool:
        """Whether what stands between two commas is an insertion, and no member of a list."""
        if sum(self.lower[k] == "," for k in gap) > 2 or self.lower[j] in ("and", "or"):
            return False
        z = self.kinds[j]
        if z in CLAUSAL:
            return self.kinds[i] in NOMINAL and self._subject(i)
        return z in (Kind.PREPOSITION, Kind.ADVERB) or self.lower[i] == "that" and z in (Kind.DETERMINER, Kind.PRONOUN)

    def _free(self, gap: Sequence[int]) -> bool:
        """Whether a gap is nothing but adverbs and days: `also`, `on monday`."""
        days = [
            k for k in gap if self.kinds[k] == Kind.ADVERB or self.kinds[k] == Kind.CONTENT and self.lower[k] in TIMES
        ]
        if HEDGES & {self.lower[k] for k in gap}:
            return False
        if len(days) == len(gap):
            return self.kinds[gap[0] - 1] not in (Kind.PREPOSITION, Kind.DETERMINER)
        return len(gap) == 2 and self.lower[gap[0]] == "on" and len(days) == 1 and self.kinds[gap[1]] == Kind.ADVERB

    def _be(self, gap: Sequence[int]) -> bool:
        """Whether a gap is nothing but forms of `be` and `have`."""
        return all(self.lower[k] in BE for k in gap)

    def _reported(self, gap: Sequence[int]) -> bool:
        """Whether a gap is `said it`, `said that it has`: whoever speaks is who acts."""
        words = [self.lower[k] for k in gap if self.lower[k] != "that" and self.kinds[k] != Kind.ADVERB]
        if len(words) > 1 and words[0] in SPEECH and words[1] in ("it", "they", "he", "she"):
            return all(word in ("has", "have", "had") or self.headline and word in BE for word in words[2:])
        return False

    def promises(self, i: int, place: int) -> bool:
        """Whether `to` may stand after the word at i for the `will` at a place: `company [said it will →] to cut`."""
        if self.kinds[i] not in NOMINAL or place + 1 >= len(self.words) or self.lower[place + 1] in NEGATIONS:
            return False
        return self.joins(i, place) or self._reported(range(i + 1, place))

    def _modifiers(self, gap: Sequence[int], i: int, j: int) -> bool:
        """Whether a gap modifies the noun at j: `the [old stone] bridge`; no name is cut in two, no amount lost."""
        if self.kinds[j] != Kind.CONTENT or self.lower[j] in TIMES or self.lower[j] in AMOUNTS:
            return False
        articles = [
            k for k in gap if self.kinds[k] == Kind.DETERMINER and self.lower[k] not in ("other", "very", "such")
        ]
        if articles and not (self.headline and articles == [gap[0]]):
            return False
        if any(
            self.kinds[k] == Kind.NUMBER
            and not (self.headline and self.lower[k + 1] in AMOUNTS and k + 1 < j)
            or self.lower[k] in UNDROPPABLE
            or self.lower[k].endswith("ing")
            for k in gap
        ):
            return False
        if self.kinds[i] not in (Kind.DETERMINER, Kind.POSSESSIVE, Kind.PREPOSITION, Kind.CONJUNCTION, *CLAUSAL):
            return False
        if self.lower[j].endswith("ing") and len(self.lower[j]) > 5 or self.lower[i] == "to" and not articles:
            return False
        if self.lower[i] in SPEECH or self.lower[i] in ("a", "an") and not _agrees(self.lower[i], self.lower[j]):
            return False
        return not (self._named(gap[-1]) and self._named(j)) if self.cased else not self._may_be_name(j)

    def _may_be_name(self, j: int) -> bool:
        """Whether the noun phrase that goes on at a word of a lower-cased text has only that word left."""
        return self.kinds[j - 1] == Kind.CONTENT and self.kinds[j - 2] == Kind.CONTENT and not self._noun_head(j)

    def _noun_head(self, j: int) -> bool:
        return self.lower[j].endswith(("s", "ion", "ment", "er", "or", "ity", "ness", "ship", "ing", "ance", "ence"))

    def _subject(self, i: int) -> bool:
        """Whether the noun at i can be the subject of a verb: no verb since the clause began."""
        for k in range(i, -1, -1):
            if self.kinds[k] in (Kind.CONJUNCTION, Kind.RELATIVE, Kind.MARK) and self.lower[k] not in ("and", "or"):
                return True
            if self.kinds[k] in CLAUSAL:
                return self.lower[k] in SPEECH
            if self.lower[k] == "to" and self._infinitive(k):
                return False
        return True

    def _relative_goes(self, gap: Sequence[int], i: int, j: int, acting: bool) -> bool:
        """Whether a gap is the clause that modifies the noun at i, and what follows is that noun's own verb."""
        if not acting or self.kinds[j] != Kind.AUXILIARY or self.kinds[i] not in NOMINAL or self.lower[i] == ",":
            return False
        if self.kinds[gap[-1]] not in (*NOMINAL, Kind.ADVERB, Kind.PARTICLE) or len(gap) < 3:
            return False
        return not any(self.lower[k] in SPEECH for k in gap[-4:])

    def _prepositional(self, gap: Sequence[int], i: int, j: int) -> bool:
        """Whether a gap is whole prepositional phrases."""
        z, last, words = self.kinds[j], self.lower[gap[-1]], [self.lower[k] for k in gap]
        if self.kinds[gap[-1]] not in (*NOMINAL, Kind.ADVERB) and last not in PRONOUN_OBJECTS and last != "that":
            return False
        if (
            words[0] in ("than", "as", "like")
            or words[0] == "of"
            and (self.kinds[i] != Kind.CONTENT or self.lower[i] in PARTS)
        ):
            return False
        if self.kinds[i] not in (*NOMINAL, Kind.VERB, Kind.ADVERB, Kind.PARTICLE) or self.lower[i] in HANGING:
            return False
        if self.lower[j] == "," and (self.lower[i] in SPEECH or self.cased and self._named(gap[-1])):
            return False
        if {",", "and", "or"} & set(words) or self.kinds[i] == Kind.VERB and self.kinds[gap[1]] == Kind.NUMBER:
            return False
        if any(word == "to" and self._infinitive(k) for k, word in zip(gap, words, strict=True)):
            return False
        if z in CLAUSAL:
            return self.kinds[i] in NOMINAL
        if self.lower[j] == "to":
            return not self._infinitive(j) and len(gap) < 6
        if self.lower[j] in ("and", "or"):
            return j + 1 < len(self.words) and self.kinds[j + 1] in CLAUSAL
        if z == Kind.PREPOSITION:
            return len(gap) < 7 and not (is_number(last) or last in AMOUNTS)
        if z in (Kind.CONJUNCTION, Kind.ADVERB, Kind.PARTICLE) or z == Kind.MARK and self.lower[j] == ",":
            return True
        timed = last in TIMES or self.kinds[gap[-1]] in (Kind.NUMBER, Kind.ADVERB) or last == "that"
        return self.lower[i] in SPEECH and timed and z in (Kind.DETERMINER, Kind.PRONOUN, Kind.CONTENT)

    def _bridges(self, before: int | None, after: int | None) -> bool:
        """Whether a new word may stand between two places: no negation or full stop goes."""
        if before is None or after is None or after <= before:
            return True
        return not any(self.lower[k] in NEGATIONS or self.lower[k] in STOPS for k in range(before + 1, after))


def _cost(at: int, place: int | None) -> float:
    """What it costs to go on at a place after another: nothing next to it, more for gaps, most for going back."""
    if place is None:
        return 6.0
    if place == at + 1:
        return 0.0
    if at < 0:
        return 0.5 + 0.01 * place
    return 1.0 + 0.01 * (place - at) if place > at else 8.0


def _is_word(word: str) -> bool:
    return any(c.isalnum() or c == "#" for c in word) or PLACEHOLDERS.fullmatch(word) is not None


def _agrees(article: str, word: str) -> bool:
    """Whether `a` or `an` fits the sound that a word seems to begin with."""
    return (word[:1] in "aeiou" and not word.startswith(("uni", "eu", "one"))) == (article == "an")


def balanced(words: Sequence[str]) -> bool:
    """Whether brackets and quotation marks come in pairs."""
    open_: list[str] = []
    for word in words:
        if word in PAIRS:
            open_.append(PAIRS[word])
        elif word in PAIRS.values() and (not open_ or open_.pop() != word):
            return False
    text = "".join(words)
    even = all(words.count(mark) % 2 == 0 for mark in ('"', "'"))
    return not open_ and even and text.count("<") == text.count(">")
