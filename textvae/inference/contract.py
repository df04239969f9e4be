"""What a rewriting may not change: numbers, names, quotations, addresses, protected words, the scope of negations.

Everything here compares strings. They may be raw or tokenised, cased or not: both sides are tokenised, and compared
without case. A violation is told as what is not kept, so that "no rewriting keeps ..." can stand before it. The rules
for negations and spelled numbers are those of English; where a text has none of their words they say nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from textvae.text import detokenise, normalise, tokenise

NUMBER = "_num_"
"""What stands for a number in the Yelp files."""

PLACEHOLDER = re.compile(r"#+|_num_|<\w+>", re.I)
"""A token that stands for words of the training data and is none itself."""

_NUMBERS = """
    two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred hundreds thousand thousands million
    millions billion dozen dozens half twice
"""
NUMBERS = frozenset(_NUMBERS.split())
_DATES = """
    monday tuesday wednesday thursday friday saturday sunday january february april june july august september october
    november december noon midnight
"""
DATES = frozenset(_DATES.split())
CURRENCIES = frozenset("$£€¥")
_UNITS = """
    % percent dollar dollars buck bucks cent cents euro euros pound pounds am pm a.m p.m o'clock second seconds minute
    minutes min mins hour hours hr hrs day days night nights week weeks month months year years mile miles star stars
    inch inches foot feet person people ounce ounces oz lb lbs kg km mg ml gb mb
"""
UNITS = frozenset(_UNITS.split())
"""What belongs to the number before it."""

ADDRESS = re.compile(
    r".*://.*|www\..*|@\w.*|#[^\W\d]\w*|\S+@\S+\.\w+|[\w.-]+\.(com|org|net|edu|gov|io|co|uk|de|fr)(/.*)?"
)

_NEGATIONS = """
    not n't no never nobody nothing none nor neither nowhere without hardly barely scarcely rarely dont didnt doesnt
    wasnt isnt arent werent wont cant couldnt wouldnt havent hasnt hadnt aint
"""
NEGATIONS = frozenset(_NEGATIONS.split())
_LICENSORS = """
    if whether before than too seldom doubt refuse refused refuses lack lacks lacked avoid only
"""
LICENSORS = NEGATIONS | frozenset(_LICENSORS.split())
"""Words after which "at all" or "any" may stand."""

NEEDS_NEGATION = tuple(
    tuple(item.split())
    for item in ("at all", "anymore", "any more", "yet", "either", "nor", "any", "anything", "whatsoever")
)
FREE_CHOICE = frozenset(["time", "day", "one", "kind", "way", "where", "of", "other"])
"""After "any" they need no negation."""

BOUNDARIES = frozenset((",", ".", "!", "?", ";", ":", "--", "...", "(", ")", "but", "and", "or", "because", "so", "``"))
SCOPE = 4
"""Words after a negation that it reaches, unless a clause ends before."""

_SHOUTED = """
    i ok lol omg wow ugh yay a an the and or but so very not no never all ever too really just is was are were be am
    do did don't does have has had will would can't this that these those it's my your our their his her we they you
    he she me him them at in on of for to from with by as if what why how when who must only every again
"""
SHOUTED = frozenset(_SHOUTED.split())
"""In capitals they are emphasis, no names."""

PAIRS = {")": "(", "]": "[", "}": "{"}


@lru_cache(maxsize=4096)
def words_of(text: str) -> tuple[str, ...]:
    """Tokens in the case they have; placeholders stay whole."""
    return tuple(tokenise(normalise(text)).split())


def violations(source: str, candidate: str, protected: Sequence[str] = ()) -> list[str]:
    """What of a text, raw or tokenised, another one does not keep; empty where it may stand for it."""
    words = words_of(source)
    return Contract(words, tuple(protected), names_of(words)).violations(candidate)


@dataclass(frozen=True)
class Contract:
    """What the rewritings of one sentence may not change."""

    words: tuple[str, ...]
    """Of the sentence, tokenised, in its own case."""
    protected: tuple[str, ...] = ()
    """Words and phrases that must stay where the sentence has them."""
    names: Collection[str] = frozenset()
    """Lower-case words that are names wherever they have a capital, see `names_of`."""
    leaning: Mapping[str, float] = field(default_factory=dict)
    """Words that speak for (above 0) or against the style wanted: which negations may go is read off them."""
    quoted: bool = False
    """Whether the sentence begins inside a quotation."""
    allowed: Collection[str] = frozenset()
    """Placeholders that may stand in a rewriting."""

    @cached_property
    def lower(self) -> tuple[str, ...]:
        """The words without case."""
        return tuple(word.lower() for word in self.words)

    @cached_property
    def numbers(self) -> list[str]:
        """Amounts, dates, times and numbers in their order."""
        return amounts(self.lower)

    @cached_property
    def phrases(self) -> dict[tuple[str, ...], tuple[str, int]]:
        """Lower-case phrases that must stay: how they are shown, and how often each stands in the sentence."""
        shown: dict[tuple[str, ...], str] = {}
        for begin, end in [*name_spans(self.words, self.names), *addresses(self.lower)]:
            shown.setdefault(self.lower[begin:end], shown_words(self.words[begin:end]))
        for begin, end in quotations(self.words, self.quoted):
            shown.setdefault(self.lower[begin:end], f'"{shown_words(self.words[begin:end])}"')
        for phrase in self.protected:
            shown.setdefault(tuple(word.lower() for word in words_of(phrase)), phrase)
        counts = {phrase: (text, occurrences(phrase, self.lower)) for phrase, text in shown.items() if phrase}
        return {phrase: found for phrase, found in counts.items() if found[1]}

    @cached_property
    def placeholders(self) -> Counter[str]:
        """Those of the sentence itself."""
        return Counter(word for word in self.lower if PLACEHOLDER.fullmatch(word))

    @cached_property
    def left_over(self) -> list[tuple[str, ...]]:
        """What stands in the sentence because of a negation before it."""
        return [item for item in NEEDS_NEGATION if any(licensed(self.lower, at) for at in places(item, self.lower))]

    @cached_property
    def negated(self) -> frozenset[str]:
        """Words against the style wanted that a negation turns to its side ("was n't rude" where praise is wanted)."""
        return frozenset(w for w in set(self.lower) if self.leaning.get(w, 0) < 0 and all_negated(w, self.lower))

    @cached_property
    def balanced(self) -> bool:
        """Whether brackets and quotation marks pair."""
        return balanced(self.words, self.quoted)

    def violations(self, candidate: str | Sequence[str]) -> list[str]:
        """What a rewriting, raw or tokenised, or given as its tokens, does not keep."""
        words = words_of(candidate) if isinstance(candidate, str) else candidate
        lower = tuple(word.lower() for word in words)
        return [
            *self.wrong_placeholders(lower),
            *self.wrong_numbers(lower),
            *(text for phrase, (text, count) in self.phrases.items() if occurrences(phrase, lower) < count),
            *self.invented_names(words),
            *self.wrong_addresses(lower),
            *self.wrong_negations(lower),
            *(["balanced brackets and quotation marks"] if self.balanced and not balanced(words, self.quoted) else []),
        ]

    def wrong_placeholders(self, words: Sequence[str]) -> list[str]:
        """Placeholders that the sentence has not."""
        found = Counter(word for word in words if PLACEHOLDER.fullmatch(word) and word not in self.allowed)
        return [f"the words themselves (writes {word})" for word in found - self.placeholders]

    def wrong_numbers(self, words: Sequence[str]) -> list[str]:
        """Numbers that are lost, and those that are added; else the first that has another place."""
        ours, theirs = self.numbers, amounts(words)
        if ours == theirs:
            return []
        lost, new = (list((Counter(a) - Counter(b)).elements()) for a, b in ((ours, theirs), (theirs, ours)))
        return lost + [f"the numbers (adds {number})" for number in new] or ["the order of the numbers"]

    def invented_names(self, words: Sequence[str]) -> list[str]:
        """Capitals inside the rewriting (of a model that writes them) on words that the sentence has not."""
        if not any(word != word.lower() for word in words):
            return []
        new = names_of(words) - set(self.lower)
        return [f"the names (adds {word})" for word in sorted(new)]

    def wrong_addresses(self, words: Sequence[str]) -> list[str]:
        """Addresses, handles and tags that the sentence has not."""
        new = {words[begin] for begin, _ in addresses(words)} - set(self.lower)
        return [f"the addresses (adds {word})" for word in sorted(new)]

    def wrong_negations(self, words: Sequence[str]) -> list[str]:
        """What is left of a negation that went, a second one beside it, and one that no longer reaches its word."""
        found = [
            f'the scope of the negation ("{" ".join(item)}" is left)'
            for item in self.left_over
            if any(not licensed(words, at) for at in places(item, words))
        ]
        if double_negations(words) > double_negations(self.lower):
            found.append("the scope of the negation (two of them)")
        for word in sorted(self.negated):
            if word in words and not all_negated(word, words):
                found.append(f'the scope of the negation ("{word}" without it)')
            elif word not in words and (turned := self.turned(words)):
                found.append(f'the scope of the negation (now before "{turned}")')
        return found

    def turned(self, words: Sequence[str]) -> str:
        """A word for the style wanted that a negation of the rewriting turns against it; "" where there is none."""
        return next((w for i in negations(words) for w in scope(words, i) if self.leaning.get(w, 0) > 0), "")

    @property
    def fulfilled(self) -> bool:
        """Whether the sentence already has the style wanted: all that speaks against it is negated."""
        against = {word for word in self.lower if self.leaning.get(word, 0) < 0 and word not in NEGATIONS}
        turned = any(self.leaning.get(w, 0) > 0 for i in negations(self.lower) for w in scope(self.lower, i))
        return bool(self.negated) and against == self.negated and not turned


# ------------------------------------------------------------------------------------------------ names
def names_of(words: Sequence[str], style: Collection[str] = frozenset()) -> frozenset[str]:
    """Lower-case forms of the words of a text, in its own case, that are names wherever they have a capital.

    A capital tells that inside a sentence, and anywhere where a further one follows (NATO, iPhone); not in a text
    without small letters, or where every word has one. style: words that are emphasised when they stand in capitals.
    """
    inside = [word for before, word in zip((".", *words), words, strict=False) if not starts_after(before)]
    if titled([word for word in inside if word.isalpha() and word != "I"]):
        return frozenset()
    if not any(c.islower() for word in words for c in word) and len(words) > 2:
        return frozenset()
    found = {word.lower() for word in inside if is_name(word, style)}
    return frozenset(found | {word.lower() for word in words if inner_capital(word) and is_name(word, style)})


def titled(words: Sequence[str]) -> bool:
    """Whether words inside a sentence have capitals as those of a title have: all long ones, many or with "And"."""
    if any(word[0].islower() for word in words if len(word) > 3):
        return False
    told = [word for word in words if word.lower() not in SHOUTED]
    return len(told) > 3 or any(word.istitle() for word in words if word.lower() in SHOUTED)


def starts_after(word: str) -> bool:
    """Whether a sentence may begin after this token: a mark, a mention or a number of a list."""
    return word in (".", "!", "?", "``", "''", ":", "--", "-", "*", "...", "(", "'") or word.startswith("@")


def inner_capital(word: str) -> bool:
    """Whether a capital stands after the first character."""
    return any(c.isupper() for c in word[1:])


def is_name(word: str, style: Collection[str]) -> bool:
    """Whether a word with a capital is more than emphasis."""
    lower = word.lower()
    if lower == word or lower.rstrip(".") in SHOUTED or not any(c.isalpha() for c in word):
        return False
    return not (word == word.upper() and len(word) > 1 and lower in style)


def name_spans(words: Sequence[str], names: Collection[str]) -> Iterator[tuple[int, int]]:
    """Where names stand: runs of words with capitals that are names."""
    begin = None
    for at, word in enumerate((*words, "")):
        here = word != word.lower() and word.lower() in names
        if here and begin is None:
            begin = at
        elif not here and begin is not None:
            yield begin, at
            begin = None


# ------------------------------------------------------------------------------------------------ numbers, addresses
def is_number(word: str) -> bool:
    """Whether a lower-case token is a number, date or time, or stands for one."""
    return word in NUMBERS or word in DATES or word == NUMBER or any(c.isdigit() for c in word)


def amounts(words: Sequence[str]) -> list[str]:
    """Numbers of lower-case tokens in their order, each with its currency and unit."""
    found = []
    for at, word in enumerate(words):
        if is_number(word):
            before = words[at - 1] if at and words[at - 1] in CURRENCIES else ""
            after = words[at + 1].rstrip(".") if at + 1 < len(words) else ""
            unit = "" if after not in UNITS and after not in CURRENCIES else after
            found.append(before + bare(word) + (unit if unit in ("%", *CURRENCIES) else unit and f" {unit}"))
    return found


def bare(word: str) -> str:
    """A number without the marks around it."""
    return word.strip(".,:;!?()\"'") if len(word) > 1 else word


def addresses(words: Sequence[str]) -> list[tuple[int, int]]:
    """Where URLs, addresses, handles and tags stand in lower-case tokens."""
    return [(i, i + 1) for i, word in enumerate(words) if len(word) > 3 and ADDRESS.fullmatch(word)]


# ------------------------------------------------------------------------------------------------ quotations, brackets
def quotations(words: Sequence[str], inside: bool = False) -> list[tuple[int, int]]:
    """Where quoted words stand, without their marks; an open quotation ends with the sentence."""
    found, begin = [], 0 if inside else None
    for at, word in enumerate((*words, "''")):
        if begin is None and word == "``":
            begin = at + 1
        elif begin is not None and word in ("''", "``"):
            found += [(begin, at)] if at > begin else []
            begin = at + 1 if word == "``" else None
    return found


def quotes_open(words: Iterable[str], inside: bool = False) -> bool:
    """Whether a quotation is open after these words."""
    for word in words:
        inside = word == "``" or inside and word != "''"
    return inside


def balanced(words: Iterable[str], inside: bool = False) -> bool:
    """Whether brackets nest and every quotation mark has its other one; inside: a quotation is open before."""
    stack, before = ["``"] if inside else [], ""
    for word in words:
        smiley, before = before in (":", ":-", ";", ";-"), before + word if word == "-" else word
        if smiley and word in ("(", ")"):
            continue
        if word in ("(", "[", "{", "``"):
            stack.append(word)
        elif (word in PAIRS or word == "''") and (not stack or stack.pop() != PAIRS.get(word, "``")):
            return False
    return not stack


# ------------------------------------------------------------------------------------------------ negations
def negations(words: Sequence[str]) -> list[int]:
    """Where they stand."""
    return [i for i, word in enumerate(words) if word in NEGATIONS]


def scope(words: Sequence[str], at: int) -> tuple[str, ...]:
    """The words that the negation at a place reaches."""
    after = words[at + 1 : at + 1 + SCOPE]
    end = next((i for i, word in enumerate(after) if word in BOUNDARIES), len(after))
    return tuple(after[:end])


def all_negated(wanted: str, words: Sequence[str]) -> bool:
    """Whether a word stands in the scope of a negation wherever it stands."""
    count = sum(word == wanted for word in words)
    return 0 < count <= sum(wanted in scope(words, i) for i in negations(words))


def licensed(words: Sequence[str], at: int) -> bool:
    """Whether a word before a place allows what needs a negation there; in a question it may always stand."""
    return "?" in words or any(word in LICENSORS for word in words[:at])


def places(item: tuple[str, ...], words: Sequence[str]) -> list[int]:
    """Where an expression stands that needs a negation; not "yet" and "either" before a clause, nor "any time"."""
    found = [i for i in range(len(words) - len(item) + 1) if tuple(words[i : i + len(item)]) == item]
    if item in (("yet",), ("either",)):
        return [i for i in found if i + 1 == len(words) or not words[i + 1][:1].isalnum()]
    return [i for i in found if item != ("any",) or (i + 1 < len(words) and words[i + 1] not in FREE_CHOICE)]


def double_negations(words: Sequence[str]) -> int:
    """Pairs of negations of which one stands in the scope of the other."""
    return sum(
        word in NEGATIONS and word not in ("nor", "neither") for i in negations(words) for word in scope(words, i)
    )


# ------------------------------------------------------------------------------------------------ words
def occurrences(phrase: Sequence[str], words: Sequence[str]) -> int:
    """How often a phrase stands in a text, both tokens in lower case."""
    return f" {'  '.join(words)} ".count(f" {'  '.join(phrase)} ")


def shown_words(words: Iterable[str]) -> str:
    """Tokens as people write them."""
    return detokenise(" ".join(words), truecase=False)
