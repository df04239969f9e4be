"""The figure of a sweep: style accuracy against BLEU, with what is published on the same test set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from textvae.evaluation.evaluator import COPY
from textvae.extras.report.figures import MARKERS, colour, visible
from textvae.extras.report.label_places import Box, place_labels
from textvae.extras.report.published import Published
from textvae.extras.report.sweep import Series, Sweep, series_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXES = {"self_bleu": "BLEU against the input (self)", "ref_bleu": "BLEU against the human reference (ref)"}
PUBLISHED_MARKERS = {"none": "o", "pretrained": "s", "large language model": "^"}
BASELINE_MARKERS = ("P", "*", "X")
GREY, SMALL = "#7a7a7a", 5.5
WIDTH, HEIGHT = 5.4, 4.6
MOST_LABELS = 60
"""With more points than this, those of the sweep go unnamed: the table has them."""


class Label(NamedTuple):
    """A text for a point (x, y) in data units."""

    x: float
    y: float
    text: str
    colour: str


def frontier_figure(sweep: Sweep, notes: Sequence[str] | None = None) -> Figure:
    """A panel for each BLEU that there is; lines join the points of one series; filled ones are on the frontier.

    notes: what to write below; those of the sweep if None.
    """
    from matplotlib.figure import Figure

    kinds = ["self_bleu", *(["ref_bleu"] if sweep.has_references else [])]
    figure = Figure(figsize=(WIDTH * len(kinds), HEIGHT + 1.0), layout="constrained")
    panels = list(figure.subplots(1, len(kinds), squeeze=False).flat)
    labels = [draw_panel(ax, sweep, kind) for ax, kind in zip(panels, kinds, strict=True)]
    legend(figure, panels)
    write_beside(figure, panels, labels, sweep.notes if notes is None else notes)
    return figure


def write_beside(
    figure: Figure, panels: Sequence[Axes], labels: Sequence[Sequence[Label]], notes: Sequence[str]
) -> None:
    """The notes below, and the labels of every panel beside their points."""
    lines = wrapped(notes, 105 * len(panels))
    figure.supxlabel("\n".join(lines), fontsize=6.0, color="#444444", x=0.01, ha="left")
    figure.draw_without_rendering()  # fixes the axes, so that labels can be measured against them
    figure.set_layout_engine("none")
    for ax, found in zip(panels, labels, strict=True):
        write_labels(ax, found)


def draw_panel(ax: Axes, sweep: Sweep, kind: str) -> list[Label]:
    """Everything but the labels, which come back: own points first, since the first are placed best."""
    own: list[Label] = []
    for place, series in enumerate(series_of(sweep)):
        own += draw_series(ax, series, place, kind)
    own = own if len(own) <= MOST_LABELS else []
    own += draw_baselines(ax, sweep, kind)
    own += draw_published(ax, sweep.published, kind) if sweep.published else []
    ax.set_xlabel(AXES[kind])
    ax.set_ylabel("outputs judged to have the target style (%)")
    ax.set_title(f"{sweep.name}, {sweep.split}", loc="left")
    limits(ax, own)
    return [label for label in own if inside(ax, label)]


def limits(ax: Axes, labels: Sequence[Label]) -> None:
    """Axes that show every system large; where the copied input is far off, a line in the corner tells where."""
    systems = [label for label in labels if label.text != COPY] or labels
    lowest = min((label.y for label in systems), default=0.0)
    ax.set_ylim(max(0.0, 5 * ((lowest - 6) // 5)), 102)
    ax.set_xlim(0, 1.25 * max([4.0, *(label.x for label in systems)]))
    for label in labels:
        if label.text == COPY and not inside(ax, label):
            text = f"{label.text}: BLEU {label.x:.1f}, {label.y:.1f} %, outside"
            ax.annotate(text, (0.99, 0.01), xycoords="axes fraction", ha="right", fontsize=SMALL)


def inside(ax: Axes, label: Label) -> bool:
    """Whether the axes show the point."""
    return label.x <= ax.get_xlim()[1] and label.y >= ax.get_ylim()[0]


def draw_series(ax: Axes, series: Series, place: int, kind: str, height: str = "accuracy") -> list[Label]:
    """One line, or one point: the measure `kind` to the right, `height` upwards."""
    shade, marker = colour(place), MARKERS[place % len(MARKERS)]
    points = []
    for point, name in zip(series.points, series.labels, strict=True):
        x, y = point.value(kind), point.value(height)
        if x is not None and y is not None:
            points.append(Label(x, y, name, shade))
            face = shade if point.frontier else "white"
            ax.plot([x], [y], marker=marker, color=shade, markerfacecolor=face, markersize=4.5, linestyle="", zorder=4)
    ax.plot([p.x for p in points], [p.y for p in points], color=shade, linewidth=1.0, zorder=3)
    if points:  # the legend: a line without a place
        ax.plot([], [], color=shade, marker=marker, markersize=4, linewidth=1.0, label=visible(series.name))
    return points


def draw_baselines(ax: Axes, sweep: Sweep, kind: str) -> list[Label]:
    """Input copied and human reference, by our judges. The human one has no BLEU against itself: it is a level."""
    found = []
    for (name, measures), marker in zip(sweep.baselines.items(), BASELINE_MARKERS, strict=False):
        x, y = (measures[key].value if key in measures else None for key in (kind, "accuracy"))
        if y is None:
            continue
        if x is None:
            ax.axhline(y, color="black", linewidth=0.7, linestyle=":", zorder=1)
            ax.annotate(name, (0.01, y), xycoords=("axes fraction", "data"), fontsize=SMALL, va="bottom")
            continue
        ax.plot([x], [y], marker=marker, color="black", markersize=6, linestyle="", zorder=4)
        found.append(Label(x, y, name, "black"))
    return found


def draw_published(ax: Axes, found: Published, kind: str) -> list[Label]:
    """Grey hollow points, by the weights that their systems began with."""
    for weights, marker in PUBLISHED_MARKERS.items():
        chosen = [system for system in found.systems if system.weights == weights]
        if chosen:
            xs, ys = [getattr(system, kind) for system in chosen], [system.accuracy for system in chosen]
            begins = "no pretrained weights" if weights == "none" else weights
            style: dict[str, Any] = {"color": GREY, "markerfacecolor": "none", "markersize": 3.5, "linestyle": ""}
            ax.plot(xs, ys, marker=marker, label=f"published, public judge: {begins}", zorder=2, **style)
    return [Label(getattr(system, kind), system.accuracy, system.name, GREY) for system in found.systems]


def legend(figure: Figure, panels: Sequence[Axes]) -> None:
    """What all panels show, once, above them."""
    handles: dict[str, Any] = {}
    for ax in panels:
        for handle, name in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(name, handle)
    if handles:
        columns = 2 * len(panels)
        figure.legend(list(handles.values()), list(handles), loc="outside upper left", ncols=columns, fontsize=6.5)


def write_labels(ax: Axes, labels: Sequence[Label]) -> None:
    """Names beside their points, joined by a hair where they had to go further away."""
    texts = [ax.annotate(label.text, (label.x, label.y), fontsize=SMALL, color=label.colour) for label in labels]
    boxes = [text.get_window_extent() for text in texts]
    sizes = [(box.width, box.height) if label.text else (0.0, 0.0) for label, box in zip(labels, boxes, strict=True)]
    points = [tuple(ax.transData.transform((label.x, label.y))) for label in labels]
    frame = Box(ax.bbox.x0, ax.bbox.y0, ax.bbox.x1, ax.bbox.y1)
    for label, text, point, box in zip(labels, texts, points, place_labels(points, sizes, frame), strict=True):
        left, low = ax.transData.inverted().transform((box.left, box.low))
        text.set_position((left, low))
        nearest = min(max(point[0], box.left), box.right), min(max(point[1], box.low), box.high)
        if label.text and abs(nearest[0] - point[0]) + abs(nearest[1] - point[1]) > 9:
            ends = [ax.transData.inverted().transform(end) for end in (point, nearest)]
            ax.plot(*zip(*ends, strict=True), color=label.colour, linewidth=0.3, zorder=1, scalex=False, scaley=False)


def wrapped(notes: Sequence[str], width: int) -> list[str]:
    """Lines of at most `width` characters."""
    import textwrap

    return [line for note in notes for line in textwrap.wrap(note, width)]
