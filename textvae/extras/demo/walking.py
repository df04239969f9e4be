"""Walking on the map of a latent space: a place is clicked, and the sentence there is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textvae.errors import UserError
from textvae.extras.demo.interpolation import point_of
from textvae.extras.demo.limits import checked_choice
from textvae.extras.demo.shelf import Atlas, StyleEntry
from textvae.extras.report.latent_maps import Plane

SPACES = {"content": "z_c", "style": "z_s"}
"""Maps by the names that people choose."""
LONGEST_TRAIL = 12
"""Places that are remembered."""


@dataclass(frozen=True)
class Visit:
    """A place on a map. place: (x, y) in the unit square, y upwards. near: the sentence of the data, or of the user,
    that the rest of the point is taken from, with its label ("yours" for a user's). exact: the place is its own.
    written: what the model writes there, by style; on the map of styles one sentence.
    """

    place: tuple[float, float]
    near: str
    label: str
    exact: bool
    written: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class MapView:
    """What is drawn: points (N, 2) of sentences with the index of their label (N,); share: of the variance shown."""

    space: str
    points: np.ndarray
    sentences: tuple[str, ...]
    labels: tuple[int, ...]
    names: tuple[str, ...]
    share: float


def plane_of(atlas: Atlas, space: str) -> Plane:
    """The plane of a space; UserError where there is none."""
    plane = atlas.planes.get(SPACES[checked_choice(space, "The map", tuple(SPACES))])
    if plane is None:
        raise UserError(f"Every sentence is at the same point of the {space} space: this model does not use it.")
    return plane


def view(entry: StyleEntry, space: str) -> MapView:
    """The map of a space; the first one of a model takes a second."""
    with entry.lock:
        atlas = entry.atlas()
    plane = plane_of(atlas, space)
    return MapView(
        space,
        plane.draw(atlas.encoded.means[SPACES[space]]),
        tuple(entry.readable(text) for text in atlas.sentences.texts),
        tuple(atlas.sentences.labels.tolist()),
        entry.transfer.labels,
        plane.share,
    )


def visit(entry: StyleEntry, space: str, place: tuple[float, float], sentence: int | None = None) -> Visit:
    """What is at a place, or at a sentence of the map.

    A plane shows two directions of many; the other ones are taken from the nearest sentence, which is moved along the
    plane to the place: so the place is reached and the model stays where it has learnt to write.
    """
    if not (np.isfinite(place).all() and min(place) >= -0.1 and max(place) <= 1.1):
        raise UserError("That place is off the map.")
    with entry.lock:
        atlas = entry.atlas()
        plane, means = plane_of(atlas, space), atlas.encoded.means
        points = plane.draw(means[SPACES[space]])
        if sentence is not None and not 0 <= sentence < len(points):
            raise UserError("That sentence is not on the map.")
        row = int(np.square(points - np.asarray(place)).sum(1).argmin()) if sentence is None else sentence
        here = (float(points[row, 0]), float(points[row, 1])) if sentence is not None else place
        latent = {name: values[row] for name, values in means.items()}
        if sentence is None:
            latent[SPACES[space]] = plane.moved(latent[SPACES[space]], np.asarray(place))
        written = written_at(entry, space, latent["z_s"], latent["z_c"])
    label = entry.transfer.labels[int(atlas.sentences.labels[row])]
    return Visit(here, entry.readable(atlas.sentences.texts[row]), label, sentence is not None, written)


def place_of(entry: StyleEntry, space: str, text: str, most: int) -> Visit:
    """A user's own sentence on the map."""
    with entry.lock:
        point = point_of(entry, text, "Your sentence", most)
        plane = plane_of(entry.atlas(), space)
        x, y = plane.draw((point.z_s if space == "style" else point.z_c)[None])[0].tolist()
        return Visit((x, y), point.text, "yours", True, written_at(entry, space, point.z_s, point.z_c))


def written_at(entry: StyleEntry, space: str, z_s: np.ndarray, z_c: np.ndarray) -> tuple[tuple[str, str], ...]:
    """What the model writes of a content in every style, or of a content and a style. Needs the lock."""
    labels, model = entry.transfer.labels, entry.transfer.model
    if space == "style":
        return (("here", entry.readable(entry.latents.write(z_s[None], z_c[None])[0])),)
    styles = np.stack([model.style_vector(i).detach().float().cpu().numpy() for i in range(len(labels))])
    texts = entry.latents.write(styles, np.repeat(z_c[None], len(labels), axis=0))
    return tuple((label, entry.readable(text)) for label, text in zip(labels, texts, strict=True))
