"""A small world of reviews with known style words, and evaluators of it."""

from __future__ import annotations

import random
from pathlib import Path

from textvae.evaluation.config import EvaluationConfig
from textvae.evaluation.evaluator import Evaluator
from textvae.evaluation.task import TransferTask

STYLE = {
    0: ["awful", "terrible", "rude", "bland", "never again"],
    1: ["great", "lovely", "kind", "tasty", "come back"],
    2: ["okay", "average", "usual", "plain", "not sure"],
}
THINGS = [
    "pizza",
    "waiter",
    "salad",
    "room",
    "soup",
    "table",
    "staff",
    "coffee",
    "bread",
    "garden",
    "music",
    "hotel",
]
FRAMES = [
    "the {thing} was {style} .",
    "{style} {thing} and {style} {other} !",
    "i found the {thing} near the {other} {style} .",
]
STOP_WORDS = frozenset(("the", "was", "and", "i", "found", "near", "."))


def sentence(label: int, rng: random.Random) -> str:
    """One review of a label; frame and things carry no style."""
    thing, other = rng.sample(THINGS, 2)
    return (
        rng.choice(FRAMES)
        .replace("{thing}", thing)
        .replace("{other}", other)
        .replace("{style}", rng.choice(STYLE[label]))
    )


def reviews(count: int, labels: int = 2, seed: int = 0) -> list[tuple[str, int]]:
    """`count` reviews of each label, one label after the other, as files have them."""
    rng = random.Random(seed)
    return [(sentence(label, rng), label) for label in range(labels) for _ in range(count)]


def restyle(text: str, source: int, target: int) -> str:
    """The exact transfer: each style word by its counterpart."""
    for old, new in zip(STYLE[source], STYLE[target], strict=True):
        text = text.replace(old, new)
    return text


def style_words(labels: int = 2) -> set[str]:
    return {word for label in range(labels) for phrase in STYLE[label] for word in phrase.split()}


def make_evaluator(labels: int, cache: Path, references: bool = True, resamples: int = 200) -> Evaluator:
    test = reviews(20, labels, seed=2)
    inputs, input_labels = [text for text, _ in test], [label for _, label in test]
    exact = [[restyle(text, label, 1 - label)] for text, label in test] if labels == 2 else []
    names = ["negative", "positive", "neutral"][:labels]
    return Evaluator.build(
        reviews(300, labels),
        reviews(30, labels, seed=1),
        TransferTask(names, inputs, input_labels, exact if references else []),
        cache_dir=cache,
        fingerprint=f"reviews-{labels}",
        style_words=style_words(labels),
        stop_words=STOP_WORDS,
        config=EvaluationConfig(resamples=resamples, vector_size=20),
    )
