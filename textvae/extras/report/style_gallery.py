"""What a style run does, for people to look at: maps, rewritings, interpolations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from textvae.data.attributes import Attributes
from textvae.experiment.evaluation import checksum_of_test_set
from textvae.extras.report.latent_maps import Map, maps
from textvae.extras.report.style_model import StyleModel

PAIRS, STEPS = 3, 5
"""Pairs of sentences that are joined by strips, and sentences on a strip."""


@dataclass(frozen=True)
class Rewriting:
    """A sentence, the style asked for, what the model wrote, and a human's version ("" where there is none)."""

    text: str
    source: str
    target: str
    output: str
    reference: str


@dataclass(frozen=True)
class Strip:
    """Decoded sentences from one pair of points to another. moved: which spaces change on the way."""

    moved: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Journey:
    """Two sentences with the strips between them."""

    begin: str
    end: str
    strips: tuple[Strip, ...]


@dataclass(frozen=True)
class Colouring:
    """Maps of the sentences coloured by an attribute: its labels (N,), their names, and its own name if there are
    several.
    """

    names: tuple[str, ...]
    labels: list[int]
    maps: list[Map]
    attribute: str = ""


@dataclass(frozen=True)
class StyleGallery:
    """sentences: N on the maps. colourings: of the maps, one for each attribute. kl: of each unit (Z,) by space.

    test_set: checksum of the test sentences, None without any.
    """

    sentences: list[str]
    colourings: list[Colouring]
    kl: dict[str, np.ndarray]
    rewritings: list[Rewriting]
    journeys: list[Journey]
    test_set: str | None = None


def style_gallery(folder: Path, count: int, data_path: str | None = None, examples: int = 8) -> StyleGallery:
    """Look at a run's best model: `count` dev sentences on the maps, `examples` rewritings of each label.

    UserError where model or data are not there. A thousand sentences take some ten seconds, mostly t-SNE's.
    """
    model = StyleModel.open(folder, data_path)
    test = model.corpus.test
    shown = model.sentences("dev", max(count // model.transfer.model.groups.combinations, 1))
    encoded = model.encode(shown.texts, shown.labels)
    return StyleGallery(
        sentences=shown.texts,
        colourings=colourings(model.transfer.attributes, shown.labels, encoded.means if count else {}),
        kl=encoded.kl,
        rewritings=rewritings(model, examples),
        journeys=journeys(model),
        test_set=None if test is None else checksum_of_test_set(test["text"]),
    )


def colourings(attributes: Attributes, labels: np.ndarray, means: dict[str, np.ndarray]) -> list[Colouring]:
    """Maps of both spaces by the labels (N,), or with several attributes of each one's block of z_s and of z_c."""
    if len(attributes) == 1:
        return [Colouring(attributes.labels[0], labels.tolist(), maps(means))]
    found, content = [], maps({space: z for space, z in means.items() if space == "z_c"})
    blocks = np.split(means["z_s"], len(attributes), axis=1) if means else [None] * len(attributes)
    for attribute, (name, names) in enumerate(attributes.by_name().items()):
        block = blocks[attribute]
        own = [] if block is None else maps({f"z_s of {name}": block})
        found.append(Colouring(names, labels[:, attribute].tolist(), own + content, name))
    return found


def rewritings(model: StyleModel, examples: int) -> list[Rewriting]:
    """Test sentences of each label in the next label's style, as `textvae transfer` writes them.

    With several attributes each of them changes alone.
    """
    chosen, attributes = model.sentences("test", examples), model.transfer.attributes
    labels, found = chosen.labels.reshape(len(chosen.texts), -1), []
    for place, name in enumerate(attributes.label_names):
        attribute, source = attributes.find(name)
        names = attributes.label_names[place - source :][: attributes.sizes[attribute]]
        rows = np.flatnonzero(labels[:, attribute] == source)
        rows = rows[:: max(len(rows) // examples, 1)][:examples].tolist()
        target = names[(source + 1) % len(names)]
        texts = [chosen.texts[row] for row in rows]
        outputs = model.transfer(texts, target=target, detokenise=False)
        for row, output in zip(rows, outputs, strict=True):
            # references are of the other of two labels; with more, whose they are is not told here
            told = len(names) == 2 and attribute == 0
            human = next(iter(chosen.references[row]), "") if told else ""
            found.append(Rewriting(chosen.texts[row], name, target, output, human))
    return found


def journeys(model: StyleModel) -> list[Journey]:
    """From sentences of the first label to sentences of the second: content alone, style alone, and both.

    With several attributes from the first to the second label of each.
    """
    chosen = model.sentences("dev", PAIRS)
    labels = chosen.labels.reshape(len(chosen.texts), -1)
    begins, ends = (np.flatnonzero((labels == label).all(1))[:PAIRS].tolist() for label in (0, 1))
    means = model.encode(chosen.texts).means
    found = []
    for a, b in zip(begins, ends, strict=False):
        paths = {
            "content": (path(means["z_s"], a, a), path(means["z_c"], a, b)),
            "style": (path(means["z_s"], a, b), path(means["z_c"], a, a)),
            "both": (path(means["z_s"], a, b), path(means["z_c"], a, b)),
        }
        strips = tuple(Strip(moved, tuple(model.write(*points))) for moved, points in paths.items())
        found.append(Journey(chosen.texts[a], chosen.texts[b], strips))
    return found


def path(means: np.ndarray, begin: int, end: int, steps: int = STEPS) -> np.ndarray:
    """Points (steps, Z) on the straight line between two rows."""
    shares = np.linspace(0.0, 1.0, steps, dtype=np.float32)[:, None]
    return (1 - shares) * means[begin] + shares * means[end]
