"""The figure of a sweep over sentence autoencoders: distortion and information over the rate (Alemi et al. 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textvae.extras.report.frontier import (
    GREY,
    HEIGHT,
    MOST_LABELS,
    SMALL,
    WIDTH,
    Label,
    draw_series,
    legend,
    write_beside,
)
from textvae.extras.report.sweep import Sweep, series_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = {
    "distortion": "distortion: −log p(x | z), nats a sentence",
    "mutual_information": "mutual information of x and z, nats",
}
RATE = "rate: KL(q ‖ p), nats a sentence"


def rate_distortion_figure(sweep: Sweep) -> Figure:
    """A panel each for distortion and mutual information over the rate; the latter only where a latent has any."""
    from matplotlib.figure import Figure

    kinds = [name for name in PANELS if any(point.value(name) is not None for point in sweep.scored)]
    figure = Figure(figsize=(WIDTH * len(kinds), HEIGHT + 0.6), layout="constrained")
    panels = list(figure.subplots(1, len(kinds), squeeze=False).flat)
    labels = [draw_panel(ax, sweep, kind) for ax, kind in zip(panels, kinds, strict=True)]
    legend(figure, panels)
    write_beside(figure, panels, labels, sweep.notes)
    return figure


def draw_panel(ax: Axes, sweep: Sweep, kind: str) -> list[Label]:
    """Everything but the labels, which come back."""
    own = [
        label for place, series in enumerate(series_of(sweep)) for label in draw_series(ax, series, place, "rate", kind)
    ]
    ax.set_xlabel(RATE)
    ax.set_ylabel(PANELS[kind])
    ax.set_title(f"{sweep.name}, {sweep.split}", loc="left")
    if own:
        (draw_bound if kind == "distortion" else draw_identity)(ax, own)
    return own if len(own) <= MOST_LABELS else []


def draw_bound(ax: Axes, points: list[Label]) -> None:
    """The line on which rate and distortion sum to the best −ELBO of the sweep: no point lies below it."""
    best = min(point.x + point.y for point in points)
    right = max(point.x for point in points)
    lowest, highest = min(point.y for point in points), max(point.y for point in points)
    line_to(ax, (0.0, right), (best, best - right), f"rate + distortion = {best:.1f}")
    room = 0.08 * (highest - lowest) + 0.5
    ax.set_ylim(min(lowest, best - right) - room, max(highest, best) + room)


def draw_identity(ax: Axes, points: list[Label]) -> None:
    """The line on which all of the rate tells x apart: z then has the prior's distribution over the data."""
    top = max(point.y for point in points)
    line_to(ax, (0.0, top), (0.0, top), "mutual information = rate")


def line_to(ax: Axes, xs: tuple[float, float], ys: tuple[float, float], text: str) -> None:
    """A dotted line and what it is."""
    ax.plot(xs, ys, color=GREY, linewidth=0.8, linestyle=":", zorder=1)
    ax.annotate(text, (xs[1], ys[1]), fontsize=SMALL, color=GREY, ha="right", va="top")
