"""Word tables of the toy news documents: who does what, and all that a summary leaves out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """Comma-separated tables. `{n}` in `who` is a name; verbs and whats go with every `who` of the topic."""

    who: str
    verbs: str
    whats: str


TOPICS = {
    "town": Topic(
        "{n} council, mayor {n}, {n} district, {n} port authority",
        "approved, rejected, delayed, announced, scrapped, reviewed, defended",
        "new tram line, higher parking fees, city budget, night bus service, school meals plan, riverside park, "
        "street market ban, cheaper housing scheme, flood barrier, bicycle tax",
    ),
    "business": Topic(
        "{n} motors, {n} foods, {n} steel, {n} systems, {n} airlines, {n} textiles",
        "bought, sold, closed, opened, expanded, inspected, moved",
        "small rival, largest factory, northern plant, cargo fleet, research center, online shop, paper mill, "
        "shoe brand, main warehouse, training school",
    ),
    "law": Topic(
        "{n} court, judge {n}, prosecutor {n}, {n} tribunal",
        "dismissed, upheld, reopened, postponed, ended, examined",
        "tax fraud case, murder trial, patent dispute, bribery charges, land claim, smuggling inquiry, "
        "strike ruling, libel complaint",
    ),
    "sport": Topic(
        "{n} rovers, {n} united, coach {n}, {n} athletics club",
        "signed, dropped, praised, fined, suspended, welcomed",
        "young goalkeeper, veteran striker, injured captain, left-handed bowler, junior champion, second trainer, "
        "record holder, relay team",
    ),
    "health": Topic(
        "{n} hospital, {n} clinic, doctor {n}, {n} health board",
        "tested, introduced, banned, recommended, stopped, bought",
        "new flu vaccine, stricter visitor rules, sleep therapy, surgery robot, cheap heart drug, night shifts, "
        "blood test, diet program",
    ),
    "science": Topic(
        "{n} university, {n} institute, professor {n}, {n} observatory",
        "published, presented, questioned, funded, withdrew, corrected",
        "climate study, ancient map, bird census, solar battery, language archive, meteorite sample, ocean model, "
        "earthquake forecast",
    ),
    "culture": Topic(
        "{n} museum, {n} theatre, director {n}, {n} gallery",
        "returned, bought, restored, showed, borrowed, insured",
        "stolen painting, bronze statue, royal letters, rare violin, early photographs, silk costumes, "
        "film collection, marble fountain",
    ),
}

# Last words of a `who` that "the" goes before.
WITH_ARTICLE = (
    "council, district, authority, court, tribunal, hospital, clinic, board, university, institute, observatory, "
    "museum, theatre, gallery, club"
)

# Towns and papers that everybody knows: words of the vocabulary, where all other names are new.
KNOWN_TOWNS = "westport, northfield, eastbridge, southgate, lakeview, hillcrest"
OUTLETS = "the daily post, the evening star, local radio, the morning herald, a news agency, state television"

DAYS = "monday, tuesday, wednesday, thursday, friday, saturday, sunday"
PAST = "last year, in march, in june, two years ago, last winter, in august, a decade ago, last month"
WEATHER = "heavy rain, thick fog, a snow storm, strong winds, a heat wave, icy roads"
CROWDS = "most residents, tourists, commuters, shop owners, farmers, students"
TALKS = "weeks of talks, months of debate, days of protest, a long dispute, quiet negotiations, several meetings"
GROUPS = (
    "union leaders, local experts, angry neighbours, its own advisers, opposition members, foreign partners, critics"
)
JOBS = "a taxi driver, a retired teacher, a spokesman, an eyewitness, an analyst, a former aide, a lawyer"
KNOWN_FOR = (
    "known for its long history, often in the headlines, short of money for years, praised for its openness, "
    "founded a century ago, popular with visitors, under pressure from creditors, admired abroad"
)
MANNERS = (
    "quietly, without further comment, to the surprise of many, by nine votes to four, after some delay, "
    "as expected, in a short letter, with immediate effect, for the second time, at short notice"
)
INSERTED = (
    "much discussed, long awaited, rather costly, widely known, often criticised, carefully planned, "
    "once famous, somewhat outdated"
)
RESULTS = (
    "and prices rose slightly, which may cost up to forty jobs, but details remain unclear, and the rest is due soon, "
    "although nobody had asked for it, and the news spread quickly, which pleased some and angered others, "
    "but an appeal is possible"
)

ONSETS = "b, br, d, dr, f, g, gr, h, j, k, kl, l, m, n, p, r, s, st, t, tr, v, w, z"
VOWELS = "a, e, i, o, u, ar, el, in, or, an, ei"
CODAS = "ck, d, l, ld, m, n, nd, r, rt, s, sk, th, x, v, by, ton, ville, mar, berg, ow"
