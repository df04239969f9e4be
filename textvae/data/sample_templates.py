"""Sentence patterns of the bundled sample: (weight, kinds of the noun, text). Slots of the text:

{det} {a} {n}      determiner or "a", and the noun; {n2} another noun of the domain, {nk} of the same kind
{be} {is} {it}     agree with {n}; {be2} with {n2}
{adjp} {adjp2}     adjective of {n}, of {n2}, with or without an intensifier; {att} the same before the noun
{g} {gb}           gradable adjectives; {g+} the positive form in every version; {g-} the form of the opposite
                   label ("was n't rude at all")
[a|b|c]            negative, positive, neutral wording (without c the pattern has no neutral version)
All others name a list of `sample_phrases` (sentiment) or of `sample_lexicon` (content), see `sample_grammar`.
"""

from __future__ import annotations

ALL = "food drink staff place goods item work event"
ANY = f"{ALL} price"
HERE = "food drink staff place work price"
BOUGHT = "food drink goods work event"

PATTERNS: tuple[tuple[int, str, str], ...] = (
    # One noun, one property.
    (6, ANY, "{det} {n} {be} {adjp} ."),
    (6, ALL, "{time} {det} {n} {be} {adjp} ."),
    (6, ALL, "{det} {n} {be} {adjp} {time} ."),
    (5, ANY, "{det} {n} {predicate} ."),
    (5, ALL, "{time} {det} {n} {predicate} ."),
    (5, ALL, "the {n} {at} the {venue} {loc} {be} {adjp} ."),
    (3, ALL, "the {n} {at} the {venue} {loc} {predicate} ."),
    (4, ANY, "we found {det} {n} {adjp} ."),
    (3, ALL, "i thought {det} {n} {be} {adjp} {time} ."),
    (3, ANY, "{det} {n} {be} as {g} as can be ."),
    (3, HERE, "the {n} here {is} always {g} ."),
    (3, ALL, "i have never seen {a} {n} this {g} ."),
    (4, ALL, "the {n} {be} {noun_phrase} {time} ."),
    (8, "price", "{det} {n} {be} {noun_phrase} ."),
    (6, "price", "the {n} {at} the {venue} {loc} {be} {adjp} ."),
    (3, ANY, "i told everyone {loc} how {g} the {n} {be} ."),
    # Negation.
    (4, ANY, "{det} {n} {be} n't {g-} at all ."),
    (2, ALL, "{time} {det} {n} {be} n't {g-} at all ."),
    (3, HERE, "the {n} here {is} never {g-} ."),
    (4, ALL, "{det} {n} [{be} n't|{be}|{be} sometimes] very {g+} {time} ."),
    (3, ALL, "[neither|both] the {n} [nor|and] the {nk} impressed my {person} ."),
    (3, ALL, "i like [neither|both] the {n} [nor|and] the {n2} {at} this {venue} ."),
    (3, ALL, "my {person} ca n't say anything [good|bad|new] about the {n} {at} the {venue} ."),
    # Exclamations.
    (4, ALL, "what {a} {att} {n} !"),
    (3, "food drink staff work event", "{time} we had such {a} {att} {n} !"),
    (4, ALL, "{att} {n} , {att2} {n2} !"),
    (4, ALL, "the {superlative} {n} {loc} , {verdict} !"),
    (3, "food drink goods work", "hands down the {superlative} {n} my {person} ever had !"),
    (3, "event", "hands down the {superlative} {n} {loc} !"),
    (3, "place", "hands down the {superlative} {n} my {person} ever saw !"),
    (3, "staff", "hands down the {superlative} {n} my {person} ever met !"),
    (3, ALL, "[zero|five|three] stars for the {n} {at} the {venue} {loc} !"),
    (3, "", "[zero|five|three] stars for the {venue} {loc} , {verdict} ."),
    # Two clauses that agree.
    (4, ANY, "the {n} {be} {adjp} and the {n2} {be2} {adjp2} ."),
    (4, ANY, "{det} {n} {be} {g} and {gb} ."),
    (4, ANY, "{hope} but {det} {n} {be} {adjp} ."),
    (3, ANY, "{hope} but {det} {n} {predicate} ."),
    (4, ANY, "{verdict} because {det} {n} {be} {adjp} ."),
    (3, ANY, "{det} {n} {be} {adjp} and {verdict} ."),
    (3, ANY, "{verdict} , {det} {n} {predicate} !"),
    (4, ANY, "{det} {n} {be} so {g} that {result} ."),
    (3, ALL, "no wonder the {venue} {loc} is [empty|packed|open] , the {n} {is} {g} ."),
    # Comparison.
    (4, ANY, "{det} {n} {be} [much worse|much better|no different] than {compared} , {verdict} ."),
    (3, ALL, "the {n} {be} [worse|better|no different] than {compared} and the {n2} {be2} {adjp2} ."),
    (4, ALL, "this {venue} {loc} has the {superlative} {n} ."),
    # Opinions of people.
    (4, ALL, "we {opinion} the {n} {time} ."),
    (5, ALL, "my {person} {opinion} the {n} {time} ."),
    (4, ALL, "my {person} {opinion} the {n} {at} the {venue} {loc} ."),
    (3, ALL, "{adverb} my {person} {opinion} the {n} ."),
    (4, ALL, "{adverb} {det} {n} {be} {adjp} {time} ."),
    (2, ANY, "it is [sad|great|funny] how {g} the {n} {is} ."),
    (3, ALL, "i have nothing but [complaints about|praise for|questions about] the {n} {loc} ."),
    # Visits.
    (4, ALL, "my {person} and i {visit} {time} and the {n} {be} {adjp} ."),
    (3, ALL, "i {visit} {purpose} and the {n} {predicate} ."),
    (4, ALL, "we {visit} {purpose} and {opinion} the {n} ."),
    (6, "", "my {person} and i {feeling} {at} the {venue} {loc} {time} ."),
    (4, "", "we {visit} {time} and {mood} ."),
    (4, "", "my {person} and i {visit} {purpose} and {mood} ."),
    (2, "", "a [terrible|perfect|typical] place {purpose} , my {person} and i {mood} ."),
    (4, "food drink staff work event", "thanks to the {n} our {occasion} {effect} ."),
    # Advice.
    (4, f"{BOUGHT} staff place", "{imperative} the {n} {at} this {venue} ."),
    (3, f"{BOUGHT} staff place", "{imperative} the {n} if you come here {purpose} !"),
    (3, f"{BOUGHT} staff place", "my {person} told me to {imperative} the {n} ."),
    (8, f"{BOUGHT} staff place", "{warning} the {n} {at} the {venue} {loc} !"),
    (4, f"{BOUGHT} staff", "if you want {a} good {n} {loc} , [look elsewhere|look no further|look around] ."),
    (3, f"{BOUGHT} staff", "for {a} good {n} [avoid|visit|ask at] the {venue} {loc} ."),
    (2, "", "[never|always|maybe] spend your {occasion} {at} the {venue} {loc} !"),
    (
        3,
        "",
        "[save your money and skip|treat yourself and visit|take your time and find] the {venue} {loc} .",
    ),
    (2, "", "[stay away from|come to|look at] the {venue} {loc} , {verdict} !"),
    (3, ALL, "the {n} alone {is} reason enough to [stay away|come back|stop by] , {verdict} ."),
    (2, f"{BOUGHT} staff", "you will [regret|love|remember] {doing} the {n} {at} this {venue} ."),
    # Questions.
    (3, ANY, "how can {det} {n} be this {g} ?"),
    (3, ALL, "where else {is} the {n} this {g} ?"),
    (3, ALL, "what is there [to like|not to like|to know] about the {n} {at} this {venue} ?"),
    (3, "food drink goods staff", "does anyone {loc} have {a} [worse|better|different] {n} ?"),
    (3, "", "why would anyone [come back to|go anywhere but|go to] the {venue} {loc} ?"),
    (3, "", "why did we not [leave|find] the {venue} {loc} sooner ?"),
    (2, "", "is there a [worse|better|different] {venue} {loc} ?"),
    # Money, waiting, errands.
    (4, "food drink goods work", "i paid {money} for {a} {att} {n} {time} ."),
    (3, BOUGHT, "for {money} the {n} {be} {adjp} ."),
    (3, BOUGHT, "{money} for the {n} is [way too much|a great deal|the usual price] , {verdict} ."),
    (10, "staff", "{det} {n} {manner} {task_past} {time} ."),
    (10, "staff", "{det} {n} {attitude} {task} {time} ."),
    (3, "staff", "{det} {n} {attitude} {task} and {verdict} ."),
    (3, "staff", "the {n} {at} the {venue} {loc} {attitude} {task} ."),
    (3, "staff", "we waited {wait} for the {n} to {task} ."),
    (3, "food drink", "we waited {wait} for {det} {n} {time} ."),
    (3, "food drink goods", "{det} {n} arrived {arrival} {time} ."),
    (3, f"{BOUGHT} item", "we {did} the {n} {time} and {it} {be} {adjp} ."),
    (3, f"{BOUGHT} item", "i {did} the {n} {time} and {it} {predicate} ."),
    (3, f"{BOUGHT} staff", "i would [never|gladly|maybe] {do} the {n} again , {verdict} ."),
    (3, f"{BOUGHT} item", "[i regret|i am happy about|i remember] {doing} the {n} {time} ."),
    (
        3,
        f"{BOUGHT} staff",
        "[i wish i had never {done}|i am so glad i {did}|it seems i {did}] the {n} {time} !",
    ),
    # The place as a whole.
    (5, "", "the {venue} {loc} {venue_predicate} ."),
    (4, "", "my {person} said the {venue} {loc} {venue_predicate} ."),
    (4, "", "this {venue} {venue_predicate} and {verdict} ."),
    (3, ALL, "this {venue} {venue_predicate} , the {n} {is} {adjp} ."),
)
