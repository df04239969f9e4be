"""Count what rewritings change that may not change: numbers, names, quotations, addresses, scopes of negations.

    python scripts/contract_violations.py                          1,000 made sentences, model `yelp`, every label
    python scripts/contract_violations.py runs/mine --sentences my.txt --to positive
    python scripts/contract_violations.py --sentences my.txt --outputs theirs.txt    outputs of any system

Sentences are rewritten with the contract and without it. Everything is counted twice: by a few regular expressions,
which share no code with the contract, and by the contract's own rules. Exit code 1: there are violations with it.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

TEMPLATES = (
    "{name} said the {thing} was {bad}.",
    "The {thing} at {place} cost {amount} and was {bad}.",
    "We waited {number} minutes for the {thing}, and it was {bad}.",
    "On {day} {name} told us the {thing} was {good}.",
    "I paid {amount} for a {bad} {thing} at {place} on {day}.",
    "The {thing} wasn't {bad} at all.",
    "The {thing} was not {good} at all.",
    "I don't go to {place} anymore, the {thing} is {bad}.",
    "They have not fixed the {thing} yet.",
    "The {thing} is {good}, but {name} never called back.",
    "My order #{number} arrived on {date} and the {thing} was {bad}.",
    "The sign said \"{quote}\" but the {thing} was {bad}.",
    "See {url} for {percent} off a {good} {thing}.",
    "Write to {mail} if the {thing} is {bad}.",
    "Thanks {handle}, the {thing} in {place} was {good}!",
    "{name} and {name} ordered {number} of them, all {bad}.",
    "At {time} the {thing} was still {bad} ({name} agreed).",
    "There isn't any {thing} that is {good} under {amount}.",
    "{percent} of the {thing} was {bad}, {name} had to pay {amount}.",
    "The {thing} was neither {good} nor cheap.",
)  # fmt: skip
FILLERS = {
    "thing": "food|soup|service|waiter|room|burger|pizza|staff|coffee|bread",
    "bad": "bad|awful|rude|cold|terrible|bland|slow|dirty",
    "good": "good|great|friendly|delicious|clean|amazing|fresh|fast",
    "place": "Vegas|Joe's Diner|Best Western|Zorkan Grill|New York|IKEA|McDonald's|Chez Amélie",
    "name": "Maria|Mr. Smith|Dr. Lee|Sarah Connor|Zbigniew|DJ Kool|O'Brien|Jean-Luc",
    "day": "Monday|Tuesday|Friday|Sunday|Christmas|March 3|the 4th of July",
    "date": "2024-01-03|3/14/2023|May 5, 2022|12.11.2021",
    "quote": "no refunds|best soup in town|cash only|we love dogs",
    "url": "www.zorkan.com|http://example.org/Menu?id=7|https://t.co/AbC",
    "mail": "bob@example.com|Info@Zorkan.org",
    "handle": "@zorkan|@JoesDiner|#fail",
    "time": "9:30pm|11 am|7 o'clock|23:59",
}
RULES = {
    "numbers": r"\d+(?:[.,:/-]\d+)*",
    "amounts": r"[$€£] ?\d[\d.,]*\d|\d+ ?%",
    "addresses": r"\S+@\S+\.\w+|(?:https?://|www\.)\S*\w|(?<!\S)[@#][a-z]\w+",
    "days": r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b",
    "quotations": r'"[^"]+"',
    "placeholders": r"_num_|<unk>|<mask>|##",
}
"""What is found in the input as often as in the output, without case."""
NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w'’.-]*\w")
NOT_NAMES = frozenset(("I", "I'm", "I've", "I'd", "I'll"))
LEFT = re.compile(r"\b(?:at all|anymore)\b")
NEGATION = re.compile(r"n't\b|\b(?:not|never|no|nobody|nothing|none|neither|nor|hardly|without|barely|rarely)\b")


def made(count: int, seed: int) -> list[str]:
    """Sentences of the templates."""
    rng = random.Random(seed)

    def fill(match: re.Match[str]) -> str:
        kind = match[1]
        if kind in ("number", "amount", "percent"):
            number = rng.choice((rng.randint(2, 99), rng.randint(100, 9999), round(rng.uniform(1, 99), 2)))
            return {"number": f"{int(number)}", "amount": f"${number}", "percent": f"{int(number) % 100 + 1}%"}[kind]
        return rng.choice(FILLERS[kind].split("|"))

    return [re.sub(r"\{(\w+)\}", fill, TEMPLATES[i % len(TEMPLATES)]) for i in range(count)]


def broken(source: str, output: str) -> list[str]:
    """Kinds of what the regular expressions find changed."""
    a, b = (re.sub(r"\s+", " ", text).lower() for text in (source, output))
    kinds = [kind for kind, rule in RULES.items() if Counter(re.findall(rule, a)) != Counter(re.findall(rule, b))]
    names = [name.lower() for name in NAME.findall(source) if name not in NOT_NAMES]
    if any(b.count(name) < a.count(name) for name in names):
        kinds.append("names")
    if NEGATION.search(a) and LEFT.search(b) and not NEGATION.search(b):
        kinds.append("negations")
    return kinds


def count(sources: Sequence[str], outputs: Iterable[str]) -> tuple[Counter[str], list[tuple[str, str, str]]]:
    """Violations by kind, those of the contract's own rules together, and examples."""
    from textvae.inference.contract import violations

    found: Counter[str] = Counter()
    examples = []
    for source, output in zip(sources, outputs, strict=True):
        kinds = broken(source, output)
        if own := violations(source, output):
            kinds.append("by the contract's rules")
        found.update(kinds)
        found["sentences"] += bool(kinds)
        found["unchanged"] += source == output
        examples += [(source, output, ", ".join([*kinds, *own]))] if kinds else []
    return found, examples


def main() -> int:
    """Exit code 1 where there are violations with the contract, or in the outputs that are given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", default="yelp", help="a run, or a model that comes with textvae")
    parser.add_argument("--sentences", type=Path, help="one a line; made ones where there is no file")
    parser.add_argument("--outputs", type=Path, help="rewritings of --sentences by any system, counted as they are")
    parser.add_argument("--to", help="one label (default: every label in turn)")
    parser.add_argument("--number", type=int, default=1000, help="sentences that are made")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--examples", type=int, default=5, help="violations that are shown")
    args = parser.parse_args()
    sources = lines(args.sentences) if args.sentences else made(args.number, args.seed)
    if args.outputs and not args.sentences:
        parser.error("--outputs: only with --sentences")
    if args.outputs:
        return told("outputs", *count(sources, lines(args.outputs)), args.examples)
    from textvae import StyleTransfer

    transfer, code = StyleTransfer.from_pretrained(args.run), 0
    for label in [args.to] if args.to else transfer.labels:
        for on in (False, True):
            outputs = transfer(sources, target=label, contract=on)
            title = f"to {label}, {'with' if on else 'without'} the contract"
            code |= told(title, *count(sources, outputs), args.examples) and on
    return int(code)


def lines(path: Path) -> list[str]:
    """Of a file."""
    return path.read_text(encoding="utf-8").splitlines()


def told(title: str, found: Counter[str], examples: list[tuple[str, str, str]], shown: int) -> int:
    """Print the counts; whether there are any."""
    kinds = {kind: number for kind, number in sorted(found.items()) if kind not in ("sentences", "unchanged")}
    print(f"{title}: {found['sentences']} sentences with violations {kinds}, {found['unchanged']} unchanged")
    for source, output, why in examples[:shown]:
        print(f"    {source}\n    → {output}   [{why}]")
    return int(found["sentences"] > 0)


if __name__ == "__main__":
    sys.exit(main())
