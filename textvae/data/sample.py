"""The bundled sample: short reviews with two labels from our own grammar, and counterparts of the test lines.

What holds, and `tests/data/test_sample.py` checks:

* A sentence and its counterpart have the same content (noun, time, place, people, price), opposite sentiment.
* Content tells nothing of the label: in each split every content word occurs equally often under every label.
* No sentence occurs twice and no sentence is the counterpart of another: the training data are not parallel.
* Every dev and test sentence has a combination (noun and phrase, or modifier and pattern) new to train.

The grammar draws a *frame*, a pattern with all of its neutral content (noun, time, place, people, price ...), and a
*filling*, which gives each open sentiment slot a phrase. Both are drawn without regard to the label, which only selects
the version of each phrase. The word tables are in `sample.yaml`. The files depend on the seed alone, not on the Python
version (`pick` says why).
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

import yaml

from textvae.files import atomic_write

T = TypeVar("T")
LABELS = {2: ("negative", "positive"), 3: ("negative", "neutral", "positive")}
SPLITS = ("train", "dev", "test")
MIN_TOKENS, MAX_TOKENS = 4, 15
# Words of dev and test occur at least MIN_COUNT times in train, if train has FULL_SIZE sentences per label.
MIN_COUNT, FULL_SIZE = 3, 5_000
# Shares of (noun, phrase) and of (modifier, pattern) combinations that train never shows.
HELD_OUT_PHRASES, HELD_OUT_PATTERNS = 0.15, 0.1
HELD_OUT_MODIFIERS = ("venue", "time", "loc", "person", "purpose")  # those that many patterns share


# ------------------------------------------------------------------------------------------------ words
Versions = tuple[str, ...]  # one wording per label

# Words that begin with a vowel letter but not with its sound, and the reverse.
CONSONANT_SOUND = ("use", "usual")
VOWEL_SOUND = ("hour", "honest", "x-ray")


def pick(rng: random.Random, items: Sequence[T]) -> T:
    """One item, uniformly. Only `random()` is promised to be the same in every Python, `choice` is not."""
    return items[int(rng.random() * len(items))]


def shuffled(rng: random.Random, items: Sequence[T]) -> list[T]:
    """Fisher-Yates with `random()` alone, for the same reason."""
    result = list(items)
    for i in range(len(result) - 1, 0, -1):
        j = int(rng.random() * (i + 1))
        result[i], result[j] = result[j], result[i]
    return result


@cache
def words_of(table: str) -> tuple[str, ...]:
    """The items of a comma-separated table."""
    return tuple(item.strip() for item in table.split(",") if item.strip())


@cache
def versions_of(table: str, labels: int) -> tuple[Versions, ...]:
    """The phrases of a table as (negative, positive), or with 3 labels as (negative, neutral, positive)."""
    result: list[Versions] = []
    for entry in words_of(table):
        negative, positive, neutral = (part.strip() for part in entry.split(" / "))
        if labels == 2:
            result.append((negative, positive))
        elif neutral != "-":
            result.append((negative, neutral, positive))
    return tuple(result)


@dataclass(frozen=True)
class Noun:
    """A noun, its number ("singular", "plural", "mass") and the tags that decide what can be said of it."""

    text: str
    number: str
    tags: frozenset[str] = frozenset()

    @staticmethod
    def parse(text: str, tags: str = "") -> Noun:
        number = {"+": "plural", "~": "mass"}.get(text[-1], "singular")
        return Noun(text.rstrip("+~"), number, frozenset(tags.split()))

    @property
    def plural(self) -> bool:
        return self.number == "plural"

    def agreement(self, suffix: str = "") -> dict[str, str]:
        """Slot → form that agrees with the noun; the suffix is that of the noun's slot ("2" for {n2})."""
        forms = {
            "be": "were" if self.plural else "was",
            "is": "are" if self.plural else "is",
            "it": "they" if self.plural else "it",
            "a": "a" if self.number == "singular" else "",
        }
        return {name + suffix: form for name, form in forms.items()}


def fix_articles(text: str) -> str:
    """Single spaces, and "an" for "a" before a vowel sound."""
    words = text.split()
    for i, following in enumerate(words[1:]):
        if words[i] == "a" and _vowel_sound(following):
            words[i] = "an"
    return " ".join(words)


def _vowel_sound(word: str) -> bool:
    if word.startswith(VOWEL_SOUND):
        return True
    return word[0] in "aeiou" and not word.startswith(CONSONANT_SOUND)


# ------------------------------------------------------------------------------------------------ grammar
Filling = Mapping[str, Versions]
Groups = tuple[tuple[Versions, ...], ...]
SLOT = re.compile(r"\{([^{}]+)\}")
CHOICE = re.compile(r"\[([^\[\]]*)\]")


TABLES: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
CONTENT: dict[str, str] = TABLES["content"]
CONTENT_BY_DOMAIN: dict[str, dict[str, str]] = TABLES["content_by_domain"]
CONTENT_BY_DOMAIN["task_past"] = CONTENT_BY_DOMAIN["task"]
PHRASES_BY_NOUN: dict[str, dict[str, str]] = TABLES["phrases_by_noun"]
PHRASES_FOR_ALL: dict[str, str] = TABLES["phrases"]
PHRASES_FOR_ALL["mood"] = f"{PHRASES_FOR_ALL['feeling']}, {PHRASES_FOR_ALL['mood']}"
ADJECTIVES = ("adjp", "adjp2", "att", "att2", "g", "gb", "g+", "g-")
SENTIMENT_SLOTS = (*ADJECTIVES, *PHRASES_BY_NOUN, *PHRASES_FOR_ALL)
GRADABLE_SHARE, PLAIN_SHARE = 0.65, 0.4  # of adjectives; of adjectives without an intensifier


@dataclass(frozen=True)
class Pattern:
    """One row of the patterns with its slots in order of appearance."""

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
        return tuple(slot for slot in self.slots if slot in CONTENT or slot in CONTENT_BY_DOMAIN)


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
            for domain, tables in TABLES["nouns"].items()
        }
        # A domain is as likely as it has nouns, so that no noun is rare.
        self.domains = [domain for domain, nouns in self.nouns.items() for _ in nouns]
        # Patterns by weight; one without open slots gives several sentences a draw (see `_frames`).
        self.ladder = [
            pattern
            for pattern in (_parse(*row) for row in TABLES["patterns"] if self._has_versions(row[2]))
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
        return scale, pick(rng, versions_of(TABLES["intensifiers"][scale], self.labels))

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
        gradable = self._for_tags("gradable", TABLES["adjectives"]["gradable"], tags)
        extreme = self._for_tags("extreme", TABLES["adjectives"]["extreme"], tags)
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
    kinds = " ".join(TABLES["kinds"].get(name, name) for name in kinds.split())
    return Pattern(text, weight, frozenset(kinds.split()), tuple(dict.fromkeys(SLOT.findall(text))))


def _draw_content(rng: random.Random, pattern: Pattern, domain: str, nouns: Mapping[str, Noun]) -> dict[str, str]:
    """Words of the pattern's neutral slots, and of the agreement slots that follow from them."""
    content = {"at": "from" if domain == "home" else "at"}  # the plumber from the company, the waiter at the diner
    for slot in pattern.modifiers:
        words = words_of(CONTENT[slot] if slot in CONTENT else CONTENT_BY_DOMAIN[slot][domain])
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
    words = {"det": pick(rng, words_of(_by_kind(TABLES["determiners"], noun)))}
    verbs: Sequence[str] = words_of(_by_kind(TABLES["verbs"], noun))
    if verbs:
        words |= zip(("do", "did", "doing", "done"), pick(rng, verbs).split("|"), strict=True)
    return words


def _by_kind(table: Mapping[str, str], noun: Noun) -> str:
    return next((table[kind] for kind in table if kind in noun.tags), "")


# ------------------------------------------------------------------------------------------------ sample
@dataclass(frozen=True)
class Example:
    """One sentence: its versions for all labels, of which `label` is the one in the corpus."""

    versions: tuple[str, ...]
    label: int
    content: tuple[str, ...]
    combinations: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        return self.versions[self.label]


@dataclass(frozen=True)
class Sample:
    """All splits; `splits["train"][k]` are the examples of class k, in file order."""

    labels: tuple[str, ...]
    splits: dict[str, tuple[tuple[Example, ...], ...]]

    def lines(self, split: str, label: int) -> list[str]:
        """The sentences of one class."""
        return [example.text for example in self.splits[split][label]]

    def references(self, label: int, target: int, split: str = "test") -> list[str]:
        """For each sentence of class `label`, in order, its counterpart in class `target`."""
        return [example.versions[target] for example in self.splits[split][label]]


def make_sample(seed: int = 0, labels: int = 2, train: int = 12_000, dev: int = 500, test: int = 500) -> Sample:
    """The sample with so many sentences per label and split; 3 labels have "neutral" between the two."""
    grammar = Grammar(labels)
    rng = random.Random(seed)
    seen: set[str] = set()
    splits = {"train": _draw_split(grammar, rng, seed, train, seen, known=None, unseen=False)}
    known = _frequent_words(splits["train"]) if train >= FULL_SIZE else None
    for split, size in (("dev", dev), ("test", test)):
        splits[split] = _draw_split(grammar, rng, seed, size, seen, known, unseen=True)
    return Sample(LABELS[labels], splits)


def _draw_split(
    grammar: Grammar,
    rng: random.Random,
    seed: int,
    size: int,
    seen: set[str],
    known: set[str] | None,
    unseen: bool,
) -> tuple[tuple[Example, ...], ...]:
    """`size` new examples per label, shuffled; adds all of their versions to `seen`."""
    classes: list[list[Example]] = [[] for _ in range(grammar.labels)]
    for group in _groups(grammar, rng, seed, unseen):
        if len(classes[0]) == size:
            break
        versions = [version for example in group for version in example.versions]
        if len(group) <= grammar.labels * (size - len(classes[0])) and _are_new(versions, seen, known):
            seen.update(versions)
            for example in group:
                classes[example.label].append(example)
    return tuple(tuple(shuffled(rng, examples)) for examples in classes)


def _are_new(versions: list[str], seen: set[str], known: set[str] | None) -> bool:
    """Whether no version was written before, none is there twice, and every word is known."""
    if not seen.isdisjoint(versions) or len(set(versions)) < len(versions):
        return False
    return known is None or all(word in known for version in versions for word in version.split())


def _frequent_words(classes: tuple[tuple[Example, ...], ...]) -> set[str]:
    counts = Counter(word for examples in classes for example in examples for word in example.text.split())
    return {word for word, count in counts.items() if count >= MIN_COUNT}


def _groups(grammar: Grammar, rng: random.Random, seed: int, unseen: bool) -> Iterator[list[Example]]:
    """Endless groups of examples that give each label the same content.

    All examples of a group hold a held-out combination (`unseen`) or none does.
    """
    while True:
        group = []
        for label, frame in _frames(grammar, rng):
            filling = grammar.draw_filling(rng, frame)
            combinations = _combinations(frame, filling)
            if any(held_out(pair, seed) for pair in combinations) != unseen:
                break
            versions = grammar.write(frame, filling)
            if not all(MIN_TOKENS <= len(version.split()) <= MAX_TOKENS for version in versions):
                break
            group.append(Example(versions, label, frame.words, combinations))
        else:
            yield group


def _frames(grammar: Grammar, rng: random.Random) -> list[tuple[int, Frame]]:
    """Frames for one group, with their labels.

    A pattern with an open sentiment slot gives each label the same frame; the fillings will differ. One whose
    sentiment is fixed would so give a sentence and its counterpart. There each label gets the same parts in
    another combination: content i with modifier i + label.
    """
    first = grammar.draw_frame(rng)
    labels = range(grammar.labels)
    if first.pattern.open_slots:
        return [(label, first) for label in labels]
    frames = [first] + [grammar.draw_frame(rng, like=first) for _ in labels[1:]]
    free = first.pattern.modifiers[-1]
    recombined = []
    for label in labels:
        for i, frame in enumerate(frames):
            donor = frames[(i + label) % len(frames)]
            recombined.append((label, replace(frame, content={**frame.content, free: donor.content[free]})))
    return recombined


def _combinations(frame: Frame, filling: Filling) -> tuple[tuple[str, str], ...]:
    """The pairs whose novelty dev and test are about: (noun, phrase) and (modifier, pattern)."""
    pairs = []
    for slot, versions in filling.items():
        noun = frame.nouns["n2"].text if slot.endswith("2") else frame.anchor
        if noun:
            pairs.append((noun, "phrase " + versions[0]))
    slots = [slot for slot in frame.pattern.modifiers if slot in HELD_OUT_MODIFIERS]
    pairs += [(frame.content[slot], "pattern " + frame.pattern.text) for slot in slots]
    return tuple(pairs)


@cache
def held_out(pair: tuple[str, str], seed: int) -> bool:
    """Whether a combination is kept for dev and test; depends on pair and seed, not on the order drawn."""
    share = HELD_OUT_PHRASES if pair[1].startswith("phrase ") else HELD_OUT_PATTERNS
    return random.Random(f"{seed}\t{pair[0]}\t{pair[1]}").random() < share


def sample_files(sample: Sample) -> dict[str, bytes]:
    """`reviews.SPLIT.LABEL` and `reference.LABEL` (line i: counterpart of test line i) of a sample with two labels."""
    lines: dict[str, list[str]] = {}
    for label, name in enumerate(sample.labels):
        lines |= {f"reviews.{split}.{name}": sample.lines(split, label) for split in SPLITS}
        lines[f"reference.{name}"] = sample.references(label, target=1 - label)
    return {name: "".join(f"{line}\n" for line in lines[name]).encode("ascii") for name in sorted(lines)}


def write_sample(folder: str | Path, seed: int = 0) -> list[Path]:
    """Write the files of `make_sample(seed)` into `folder`; returns their paths."""
    return write_files(folder, sample_files(make_sample(seed)))


def write_files(folder: str | Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write named files into a folder, each whole or not at all; returns their paths."""
    for name, content in files.items():
        with atomic_write(Path(folder) / name, binary=True) as handle:
            handle.write(content)
    return [Path(folder) / name for name in files]
