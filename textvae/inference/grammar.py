"""What words of English do in a sentence, by closed lists and endings: enough to see where a phrase may not be cut.

A word of the open classes that no list knows is CONTENT. Other languages have other words, so nearly all of theirs are,
and nothing is claimed about them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum


def words_of(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


class Kind(IntEnum):
    """What a word does."""

    CONTENT = 0
    """Noun, adjective, name, or not known."""
    NUMBER = 1
    VERB = 2
    """A finite verb or participle."""
    AUXILIARY = 3
    DETERMINER = 4
    """Article, demonstrative, possessive: opens a noun phrase."""
    PREPOSITION = 5
    CONJUNCTION = 6
    RELATIVE = 7
    PARTICLE = 8
    """Ends `shut down` and opens `down the road`."""
    PRONOUN = 9
    """Subject forms, which stand for somebody named before."""
    ADVERB = 10
    """What can be left out anywhere: time, manner."""
    NEGATION = 11
    POSSESSIVE = 12
    """'s after a noun."""
    MARK = 13
    """Punctuation."""


_WORDS = {
    Kind.DETERMINER: """
        a an the this these those his its their our my your whose every each another some any both either
        several many few such what which other more most very too quite rather first-ever
    """,
    Kind.PREPOSITION: """
        of in at by for with from to into onto after before between during against without within among amid
        amidst toward towards via per despite since until till upon near across behind beyond than like
        including as following regarding concerning according due because versus alongside outside inside
        beneath above below throughout about through around along under over on unlike besides except pending
    """,
    Kind.CONJUNCTION: """
        and or but nor yet although though while whereas if unless whether so lest plus & that
    """,
    Kind.RELATIVE: "who whom which whose where when why how",
    Kind.AUXILIARY: """
        is are was were be been being has have had having do does did will would can could may might must shall
        should 're 've 'll 'd 'm am ca wo ought
    """,
    Kind.PARTICLE: "up down out off back away apart aside ahead forward together",
    Kind.PRONOUN: "he she it they we i you",
    Kind.ADVERB: """
        today yesterday tomorrow tonight monday tuesday wednesday thursday friday saturday sunday also now then
        here there again already still just only even later earlier recently soon early late ago once meanwhile
        however reportedly allegedly overnight afterwards instead abroad this-week
    """,
    Kind.NEGATION: "not n't no never neither none nobody nothing without cannot",
    Kind.MARK: ". , ; : ! ? `` '' \" ' ( ) [ ] { } -- - ... ` ’ ‘ “ ” — – /",
}

_IRREGULAR = words_of("""
    said told went came became began broke brought built bought caught chose cut did drew drove fell felt fought
    found flew forgot froze gave got grew heard held hit hurt kept knew laid led left lent lost made meant met
    paid put quit ran rang rose saw sought sold sent set shook shot shut slid spent split spoke stood stole
    struck swept swore taken took taught tore threw thrown thought understood upheld won withdrew wrote written
    woke wore wound bid beat beaten bet born borne broken chosen done drawn driven fallen flown forgotten given
    gone grown hidden hung known overtaken overturned proven ridden risen seen shown slain slashed spoken stolen
    stricken sung sunk sworn sank torn undergone underwent withdrawn overcame outlined dealt dug fled swam swung
    spun stuck strode offset ditched bled cast shed spread thrust burst misled rebuilt resold undertook foresaw
    arose forbade hid
""")
_STEMS = words_of("""
    mark blend abandon accept accuse achieve acquire add admit adopt agree aim allege allow announce appear
    apply appoint approve argue arrest arrive ask attack attend avoid ban become begin believe bring build buy
    call cancel carry cause celebrate challenge claim climb close collapse collect come complete compete condemn
    confirm consider continue create criticise criticize cut deal decide declare decline defeat defend delay
    deliver demand deny describe deserve destroy die disappear discover drop earn eliminate embrace emerge end
    enjoy enter establish exist expand expect explain face fail fall feel file fill find fire fly follow force
    gain get give go grow happen head hear help hit hold honor hope identify improve include increase injure
    insist introduce invest issue join jump keep kill know land launch lead learn leave lift like live look lose
    make manage meet miss move need offer open oppose order own pass pay perform play plead pledge predict
    prepare present prevent produce promise propose protect prove provide publish pull push put quit raise reach
    receive recommend recover refuse reject release remain remember remove replace report require resign respond
    return reveal rise rule run save say score see seek seem sell send serve set settle show shut sign slam slip
    soar spend spread stand start stay steal step stop strike struggle sue suffer suggest support surge survive
    suspend take talk target tell think threaten throw top total try turn unveil urge use visit vote vow wait
    walk want warn watch weigh welcome win withdraw work write yield indicate represent operate intend plan
    employ reflect cite note compare cover boost succeed merge negotiate trade account expire read mature assume
    finance lower widen narrow ease slow speed resume rescue escape crash double triple warrant marry
""")
_NOUNS_TOO = words_of("""
    marks aims attacks bans calls challenges claims closes cuts deals declines defeats delays demands drops ends
    faces falls files fires flies forces gains heads helps hits holds honors hopes increases issues jumps kills
    lands launches leads leaves lifts lives looks moves needs offers orders owns passes pays plays pledges
    presents promises pulls pushes puts raises reaches releases reports returns rises rules runs saves scores
    shows shuts signs slips starts stands stays steps stops strikes struggles supports surges takes talks
    targets tops totals turns uses visits votes vows waits walks wants watches wins works yields invests likes
    experts
""")
"""Third persons that are as often plurals: verbs only where one is looked for."""

_NOT_VERBS = words_of("""
    speeded exceed proceed succeed greed breed steed reed deed heed weed bleed freed-up united red bed hundred
    indeed need speed seed feed shed wed sacred limited aged armed alleged fred alfred interested unchanged
    standardized sophisticated unsecured so-called unprecedented unidentified unnamed injured retired
""")
_NOT_PARTICIPLES = words_of("""
    morning evening spring something anything nothing everything during following
""")
_SAYING = words_of("""
    said says say saying told tell announced announces reported reports added adds believed believes claimed
    claims confirmed warned noted stated stressed insisted explained admitted revealed declared argued denied
    indicated suggested estimated think thinks thought according hopes hoped expects expected
""")
_HANGING = words_of("""
    expected set likely unlikely due able unable going ready willing scheduled supposed forced ordered decided
    agreed wants wanted want plans planned hopes hoped tries tried refused failed seeks sought need needs needed
    used continues continued begins began starts vowed pledged promised aims aimed urged allowed about according
    because instead ahead such rather more less very too so as part one number lot amid previously newly
    recently highly most chief vice former senior late first second third last next new own other same least
    only also even just mr. mrs. ms. dr. sen. rep. gov. st. col. gen. lt. sgt. prof. president-elect inc
""")
"""Words that want another one after them."""

HANGING, SPEECH, STEMS, PAST = _HANGING, _SAYING, _STEMS, _IRREGULAR
LIST = {word: kind for kind, words in _WORDS.items() for word in words.split()}
CLAIMS = words_of("""
    said says say believes believe think thinks claims claimed hopes insisted admitted added argued
""")
"""Words after which a clause of its own may stand without `that`."""
DEALS = words_of("""
    agreement agreements plan plans bill law offer offers deal contract program talks proposal measures
    legislation letter option options resolution order request appeal lawsuit suit meeting meetings campaign
    project venture unit loan loans powers funds money aid forces troops team
""")
"""Nouns that are complete without the infinitive after them."""
COMPLEMENTS = words_of("""
    with of about into from as than like upon to towards toward
""")
"""What a verb before it seldom can do without."""
TIMES = words_of("""
    monday tuesday wednesday thursday friday saturday sunday today yesterday tomorrow tonight january february
    march april may june july august september october november december week month year day morning afternoon
    evening night weekend quarter
""")
NEGATIONS = frozenset(_WORDS[Kind.NEGATION].split())
TAILS = SPEECH | words_of("heard showed shows show learned wrote")
"""Verbs of what stands at the end of a sentence to say where it comes from: `, a court has heard`."""
BE = words_of("""
    is are was were has have had been be
""")
AMOUNTS = words_of("""
    percent pct % mln million billion bln trillion dlrs dlr dollars cts cents pounds stg years months weeks days
    hours minutes times miles km tonnes barrels yen francs marks points year-old
""")
"""Units: a number before one of them stays."""
UNDROPPABLE = words_of("""
    first second third fourth fifth last next former same only least alleged suspected proposed planned possible
    potential fake false half one two three vice deputy acting ex- would-be non mr. mrs. ms. dr.
""")
"""Modifiers without which a phrase says something else."""
HEDGES = words_of("""
    nearly almost hardly barely scarcely allegedly reportedly possibly probably potentially partly partially falsely
    only just even supposedly apparently formerly once
""")
"""Adverbs without which a sentence says something else."""
HEADLINE_WORDS = words_of("""
    says sees seeks to in of on for at by with from and as up down its a the is are was were be over under after
    before will
""")
"""New words that a headline may have: they state no fact."""
PRONOUN_OBJECTS = words_of("""
    him her them us me it himself herself itself themselves
""")
PAIRS = {"(": ")", "[": "]", "{": "}", "``": "''", "“": "”", "«": "»", "「": "」"}

PHRASE_OPENERS = frozenset(
    word
    for word, kind in LIST.items()
    if kind in (Kind.DETERMINER, Kind.PREPOSITION, Kind.CONJUNCTION, Kind.RELATIVE, Kind.AUXILIARY)
) - words_of("""
    that this these those both either few several many such most more other due
""") | frozenset(("previously", "according", "because", "its", "their", "mr.", "mrs.", "ms.", "dr."))
"""No complete text ends on one of these."""

PLACEHOLDERS = re.compile(r"#+|<unk>|_num_|<mask>|<pad>")
NUMBER = re.compile(r".*[\d#].*")
_NUMBER_WORDS = words_of("""
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion
    trillion dozen mln bln dlr dlrs pct cts percent
""")


def _thirds(stem: str) -> str:
    if stem.endswith(("s", "sh", "ch", "x", "o")):
        return f"{stem}es"
    return f"{stem[:-1]}ies" if stem.endswith("y") and stem[-2] not in "aeo" else f"{stem}s"


THIRDS = frozenset(_thirds(stem) for stem in STEMS)

AUXILIARIES = frozenset(_WORDS[Kind.AUXILIARY].split()) | {"say"}
PARTS = words_of("""
    number lot part kind sort one member members series head thousands hundreds millions billions pair group
    range majority half dozens total set case start rest top side loss profit gain rate end time use lack amount
    pound cost couple handful wave spate string third quarter percent chance risk charge charges accused
    suspicion result most some all none state bank university department ministry house chairman president
    director spokesman chief
""")
"""Nouns that say nothing without the `of` after them."""


def stem(word: str) -> str:
    """What forms of one word have in common, roughly."""
    for ending in ("ations", "ation", "ings", "ing", "ers", "ies", "ied", "ed", "es", "er", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


SEEKING = frozenset(map(stem, words_of("looking asking calling waiting searching hoping applying preparing blaming")))
"""Stems of verbs that want a `for`."""


def is_masked(word: str) -> bool:
    """Whether data whose digits are masked have `##` in the place of a word: 12, 1,000, 2.6, 3:30."""
    return word[:1].isdigit() and not any(c.isalpha() or c in "-/" for c in word)


def is_number(word: str) -> bool:
    """Whether a word counts something."""
    return NUMBER.fullmatch(word) is not None or word in _NUMBER_WORDS


def may_be_verb(word: str) -> bool:
    """Whether a lower-case word can be the verb of a sentence."""
    return word in AUXILIARIES or word in PAST or word in THIRDS or _is_past(word) or word == "'s"


def _is_past(word: str) -> bool:
    return len(word) > 3 and word.endswith("ed") and word not in _NOT_VERBS and "-" not in word


def kinds(words: Sequence[str]) -> list[Kind]:
    """The kind of every word (lower case, tokenised) of a sentence."""
    found: list[Kind] = []
    for i, word in enumerate(words):
        before = next((kind for kind in reversed(found) if kind != Kind.ADVERB), Kind.MARK)
        found.append(_kind(word, before, words[i - 1] if i else "", words[i + 1] if i + 1 < len(words) else ""))
    return found


def _kind(word: str, before: Kind, previous: str, following: str) -> Kind:
    if word == "'s" or word == "'" and previous.endswith("s"):
        short = LIST.get(previous) in (Kind.PRONOUN, Kind.RELATIVE) or previous in ("that", "there", "here", "let")
        return Kind.AUXILIARY if short or not following else Kind.POSSESSIVE
    if word in LIST:
        return LIST[word]
    if is_number(word):
        return Kind.NUMBER
    if not any(c.isalnum() for c in word):
        return Kind.MARK
    if word.endswith("ly") and len(word) > 4 and word not in ("family", "italy", "july", "supply", "early", "daily"):
        return Kind.ADVERB
    if word in STEMS and before == Kind.PRONOUN:
        return Kind.VERB
    participle = word.endswith("ing") and len(word) > 5 and "-" not in word and word not in _NOT_PARTICIPLES
    if participle and (before in (Kind.AUXILIARY, Kind.CONJUNCTION, Kind.VERB) or previous == ","):
        return Kind.VERB
    inside = before in (Kind.DETERMINER, Kind.POSSESSIVE, Kind.PREPOSITION, Kind.NUMBER)
    if previous in CLAIMS and word.endswith("ed"):
        return Kind.CONTENT
    if (word in PAST or _is_past(word)) and not inside:
        return Kind.VERB
    if word in STEMS and (before == Kind.AUXILIARY or previous in ("to", "n't", "not")):
        return Kind.VERB
    if previous == "to" and LIST.get(following) == Kind.DETERMINER:
        return Kind.VERB
    if word in STEMS and before == Kind.CONTENT and previous.endswith("s") and following in LIST:
        return Kind.VERB
    if word in THIRDS and word not in _NOUNS_TOO and not inside:
        return Kind.VERB
    return Kind.CONTENT
