"""Decoding options that a sweep can change, and how a trained run writes under them."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any, get_args, get_type_hints

from textvae.errors import UserError
from textvae.extras.sweeps.grid import Axis, Point, check_names, combine
from textvae.inference.options import TransferOptions
from textvae.inference.style_transfer import StyleTransfer

NOT_SWEPT = frozenset(
    {"target", "like", "keep", "detokenise", "batch_size", "diversity", "contract", "protect", "accept"}
)
"""What the test set decides (target), what scoring excludes (like, detokenise, keep, contract, protect, accept), what
changes nothing of the best candidate (batch_size, diversity)."""
WITH_SCORERS = ("rerank", "retrieve", "retrieve_only", "revise")
"""Options that read what `textvae fit-scorers` made."""
BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def sweepable() -> dict[str, tuple[type, bool]]:
    """Option -> its type (bool, int or float), and whether it may be left to its default."""
    found = {}
    for name, hint in get_type_hints(TransferOptions).items():
        if name not in NOT_SWEPT:
            kinds = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
            found[name] = (next(kind for kind in kinds if kind is not type(None)), type(None) in kinds)
    return found


def read_value(name: str, text: str) -> Any:
    """The value of a decoding option; UserError says what it should have been."""
    kind, optional = sweepable()[name]
    if optional and text in ("default", "none", "null"):
        return None
    try:
        return BOOLEANS[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError) as error:
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}[kind]
        raise UserError(f"--grid: {name} is {wanted}{' or default' if optional else ''}, not {text!r}") from error


def decoding_points(axes: Sequence[Axis]) -> list[Point]:
    """The points of a grid of decoding options; UserError for unknown names, wrong values, contradictions."""
    remedy = "options of a training need --config FILE instead of a run" if any("." in a.name for a in axes) else ""
    check_names(axes, sweepable(), "decoding option", remedy)
    points = combine(axes, read_value)
    for point in points:
        try:
            TransferOptions(**point.settings)
        except UserError as error:
            raise UserError(
                f"{point}: {error}. What cannot be combined takes two sweeps; with one --save they share a table"
            ) from error
    return points


def check_model(transfer: StyleTransfer, points: Sequence[Point]) -> None:
    """UserError where the model has not what a point needs (scorers, an index): before the first one is written."""
    for point in points:
        transfer.writer(TransferOptions(target=transfer.labels[0], **point.settings))
