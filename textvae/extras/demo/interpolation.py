"""The way from one sentence to another through the latent spaces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textvae.errors import UserError
from textvae.extras.demo.limits import checked_choice, checked_number, checked_text
from textvae.extras.demo.shelf import StyleEntry
from textvae.extras.report.style_gallery import path

MOVED = ("both", "content", "style")
"""What changes on the way."""
FEWEST_STEPS, MOST_STEPS = 3, 12


@dataclass(frozen=True)
class Way:
    """What was read of the two sentences, and what the model writes at even steps from one to the other.

    cut: a text had several sentences, or a long one, of which the first part was read.
    """

    begin: str
    end: str
    texts: tuple[str, ...]
    cut: bool


@dataclass(frozen=True)
class Point:
    """A sentence as read (a string for people) with its posterior means z_s (Zs,) and z_c (Zc,)."""

    text: str
    z_s: np.ndarray
    z_c: np.ndarray
    cut: bool


def point_of(entry: StyleEntry, text: str, what: str, most: int) -> Point:
    """Where the first sentence of a text lies; UserError where it has none. Needs the lock."""
    (line,) = entry.transfer.reader.read([checked_text(text, what, most)])
    if not line.pieces:
        raise UserError(f"{what} has no words.")
    ids, latents = line.pieces[0].ids, entry.latents
    longest = entry.transfer.model.config.max_length - 2
    means = latents.encode_ids([ids[:longest]]).means
    (read,) = entry.transfer.reader.decode([ids])
    cut = len(line.pieces) > 1
    shown = entry.readable(read) if cut else line.text.strip()
    return Point(shown, means["z_s"][0], means["z_c"][0], cut)


def interpolate(entry: StyleEntry, first: str, second: str, moved: str, steps: float, most: int) -> Way:
    """What the model writes on the straight line between the posterior means of two sentences."""
    moved = checked_choice(moved, "What changes", MOVED)
    number = int(checked_number(steps, "The number of steps", FEWEST_STEPS, MOST_STEPS))
    with entry.lock:
        begin = point_of(entry, first, "The first sentence", most)
        end = point_of(entry, second, "The second sentence", most)
        ways = [
            path(np.stack(pair), 0, int(moved in ("both", space)), number)
            for space, pair in (("style", (begin.z_s, end.z_s)), ("content", (begin.z_c, end.z_c)))
        ]
        texts = entry.latents.write(*ways)
    return Way(begin.text, end.text, tuple(entry.readable(text) for text in texts), begin.cut or end.cut)
