"""What the page shows of answers. Every string of users, data and models is escaped here and nowhere else."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from textvae.extras.demo.interpolation import Way
from textvae.extras.demo.rewriting import Rewritten
from textvae.extras.demo.summaries import Summarised
from textvae.extras.demo.walking import MapView, Visit
from textvae.extras.report.word_diff import Span, kept_words, word_diff
from textvae.inference.style_transfer import Candidate
from textvae.inference.summarization import Candidate as Summary

EMPTY = "<i>(nothing)</i>"


def problem(message: str) -> str:
    """Something that the user can mend."""
    return f'<div class="problem" role="alert">{escape(message)}</div>'


def note(message: str) -> str:
    """Something to know."""
    return f'<p class="soft">{escape(message)}</p>'


TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+(?:['\u2019-]\w+)*|[^\w\s]")
"""What is compared: words, signs and Chinese or Japanese characters, so that `rude.` and `rude,` share a word."""


def apart(text: str) -> str:
    """A text with a space between its tokens, in lower case: a capital is no change."""
    return " ".join(token.lower() for token in TOKEN.findall(text))


def marked(text: str, found: Iterable[Span], kind: str = "") -> str:
    """A text as it is written, its changed parts marked. found: spans of the same tokens."""
    changed = [span.changed for span in found for _ in span.text.split(" ")]
    places = [match.span() for match in TOKEN.finditer(text)]
    parts, end = [], 0
    for new, group in groupby(zip(changed, places, strict=True), key=lambda pair: pair[0]):
        inside = [place for _, place in group]
        begin, last = inside[0][0], inside[-1][1]
        inner = escape(text[begin:last])
        parts += [escape(text[end:begin]), f'<mark class="{kind}">{inner}</mark>' if new else inner]
        end = last
    return "".join(parts) + escape(text[end:]) or EMPTY


def diff(before: str, after: str) -> tuple[str, str]:
    """Two texts: what is dropped is marked in the first, what is new in the second."""
    old, new = word_diff(apart(before), apart(after))
    return marked(before, old, "gone"), marked(after, new)


def share(value: float) -> str:
    """`87 %`, with a bar of that length."""
    value = min(max(value, 0.0), 1.0)
    return f'<span class="bar"><span style="width:{value:.0%}"></span></span> {100 * value:.0f} %'


# ---------------------------------------------------------------------- rewriting
def rewritten(blocks: Sequence[Rewritten]) -> str:
    """Candidates in each style, with their scores; what the best one replaces is struck out in the text."""
    return "".join(one_style(block) for block in blocks)


def one_style(block: Rewritten) -> str:
    """One style."""
    best = block.candidates[0].text if block.candidates else ""
    before, _ = diff(block.source, best)
    rows = "".join(candidate_row(n, block.source, one) for n, one in enumerate(block.candidates, start=1))
    first = block.candidates[0] if block.candidates else Candidate("", 0.0, 0.0)
    heads = ["", "Rewritten"]
    heads += ["Style"] if first.style_probability is not None else []
    heads += ["Likelihood"] + (["Score"] if first.score is not None else [])
    head = "".join(f"<th>{name}</th>" for name in heads)
    return (
        f'<section class="answer"><h3>In the style of {escape(block.style)}</h3>'
        f'<p class="source"><b>Before</b> {before}</p>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></section>"
    )


def candidate_row(number: int, source: str, one: Candidate) -> str:
    """A candidate with new words marked."""
    parts = ", ".join(f"{name} {value:+.2f}" for name, value in (one.parts or {}).items() if value)
    told = f"unchanged: {one.unchanged}" if one.unchanged is not None else parts
    below = f"<small>{escape(told)}</small>" if told else ""
    cells = [f'<td class="n">{number}</td><td class="text">{diff(source, one.text)[1]}{below}</td>']
    if one.style_probability is not None:
        cells.append(f'<td class="n">{share(one.style_probability)}</td>')
    cells.append(f'<td class="n">{share(math.exp(min(one.log_prob_per_token, 0.0)))}</td>')
    if one.score is not None:
        cells.append(f'<td class="n">{one.score:.2f}</td>')
    return f"<tr>{''.join(cells)}</tr>"


# ---------------------------------------------------------------------- interpolation
def way(found: Way) -> str:
    """A sentence at every step; what is new since the step before is marked."""
    rows, before = [], found.begin
    for number, text in enumerate(found.texts):
        part = number / (len(found.texts) - 1)
        rows.append(f'<li><span class="n">{part:.0%}</span><span>{diff(before, text)[1]}</span></li>')
        before = text
    cut = note("Only the first sentence of a text is read here, and only its beginning where it is long.")
    return (
        f'<section class="answer"><p class="source"><b>From</b> {escape(found.begin)}</p>'
        f'<ol class="way">{"".join(rows)}</ol><p class="source"><b>To</b> {escape(found.end)}</p>'
        f"{cut if found.cut else ''}</section>"
    )


# ---------------------------------------------------------------------- summaries
def summarised(found: Summarised) -> str:
    """Summaries with their new words marked, and the text with the words that the best one kept."""
    best = found.candidates[0].text if found.candidates else ""
    kept, _ = kept_words(apart(found.source), apart(best))
    rows = "".join(summary_row(n, found.source, one) for n, one in enumerate(found.candidates, start=1))
    return (
        '<section class="answer"><h3>Summary</h3><table><thead><tr><th></th><th>Text</th><th>Words</th>'
        f"<th>Likelihood</th></tr></thead><tbody>{rows}</tbody></table>"
        f'<p class="source"><b>Kept</b> {marked(found.source, kept, "kept")}</p></section>'
    )


def summary_row(number: int, source: str, one: Summary) -> str:
    """A summary with its new words marked."""
    _, new = kept_words(apart(source), apart(one.text))
    return (
        f'<tr><td class="n">{number}</td><td class="text">{marked(one.text, new)}</td><td class="n">{one.words}</td>'
        f'<td class="n">{share(math.exp(min(one.log_prob_per_token, 0.0)))}</td></tr>'
    )


# ---------------------------------------------------------------------- maps
COLOURS = ("#882255", "#2f8f83", "#b8860b", "#332288", "#777722", "#cc6677")
"""Of labels; told apart by colour-blind readers, dark enough for white grounds."""
SIZE, MARGIN = 1000, 40
"""Units of a map and of the frame around its square."""


def on_map(place: tuple[float, float]) -> tuple[float, float]:
    """Units of the drawing, y downwards; what is off the map stands at its edge."""
    x, y = (min(max(value, -0.03), 1.03) for value in place)
    inner = SIZE - 2 * MARGIN
    return MARGIN + x * inner, MARGIN + (1 - y) * inner


def off_map(x: float, y: float) -> tuple[float, float]:
    """Fractions of the drawing's width and height, y downwards, to a place in the unit square."""
    inner = SIZE - 2 * MARGIN
    return (x * SIZE - MARGIN) / inner, 1 - (y * SIZE - MARGIN) / inner


def colour(label: int) -> str:
    """Of the label with this number."""
    return COLOURS[label % len(COLOURS)]


def drawn_map(found: MapView, trail: Sequence[tuple[float, float]] = ()) -> str:
    """An SVG whose points know their sentence, with the way walked so far."""
    dots = []
    for i, (point, text, label) in enumerate(zip(found.points.tolist(), found.sentences, found.labels, strict=True)):
        x, y = on_map((point[0], point[1]))
        told = escape(f"{found.names[label]}: {text}")
        dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="9" fill="{colour(label)}" data-i="{i}" data-t="{told}"/>')
    keys = "".join(
        f'<span><span class="dot" style="background:{colour(i)}"></span>{escape(name)}</span>'
        for i, name in enumerate(found.names)
    )
    return (
        f'<div class="map"><p class="keys">{keys}<span class="soft">shows {found.share:.0%} of what varies</span></p>'
        f'<svg viewBox="0 0 {SIZE} {SIZE}" role="img" aria-label="Map of the {escape(found.space)} space">'
        f"{''.join(dots)}{drawn_trail(trail)}</svg>"
        '<p class="hover soft">Hover over a point to read its sentence.</p></div>'
    )


def drawn_trail(trail: Sequence[tuple[float, float]]) -> str:
    """The places visited, joined in order; the last one is the largest."""
    points = [on_map(place) for place in trail]
    if not points:
        return ""
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle class="been" cx="{x:.1f}" cy="{y:.1f}" r="10"/>' for x, y in points[:-1])
    x, y = points[-1]
    return f'<polyline points="{line}"/>{dots}<circle class="here" cx="{x:.1f}" cy="{y:.1f}" r="17"/>'


def visits(found: Sequence[Visit]) -> str:
    """The places visited, the newest first."""
    return "".join(
        one_visit(visit, number, newest=number == len(found)) for number, visit in reversed(list(enumerate(found, 1)))
    )


def one_visit(visit: Visit, number: int, newest: bool) -> str:
    """What is at a place."""
    near = "Sentence" if visit.exact else "Nearest sentence"
    lines = "".join(f"<li><b>{escape(style)}</b> {escape(text) or EMPTY}</li>" for style, text in visit.written)
    return (
        f'<section class="answer visit{" newest" if newest else ""}"><h3>Place {number}</h3>'
        f'<p class="source"><b>{near}</b> {escape(visit.near)} <span class="soft">({escape(visit.label)})</span></p>'
        f'<p class="soft">Written from this place:</p><ul>{lines}</ul></section>'
    )


# ---------------------------------------------------------------------- models
def facts(kind: str, details: Sequence[str]) -> str:
    """A line about a model."""
    return f'<p class="soft facts"><b>{escape(kind)}</b> {escape("; ".join(details))}</p>'
