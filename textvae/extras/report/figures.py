"""Figures: SVG for the page, PNG and SVG files for papers. matplotlib without its global state."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textvae.errors import UserError
from textvae.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from textvae.extras.report.curves import Curve, Panel, PanelGroup

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999933")
"""Okabe and Ito's, told apart by colour-blind readers too."""
LABELS = ("#882255", "#44aa99", "#ddaa33", "#332288", "#999933", "#cc6677")
"""Tol's muted ones: labels must not look like runs."""
MARKERS = ("o", "s", "^", "D", "v")
STROKES = ("-", "--", ":", "-.")
COLUMNS, WIDTH, HEIGHT = 4, 2.5, 1.75
"""Panels in a row, and inches of a panel."""
STYLE: dict[Any, Any] = {
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.5,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "lines.linewidth": 1.1,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: small, and it can be searched
    "text.parse_math": False,  # a $ in a name is a $
}


def colour(place: int) -> str:
    """Of the run with this number."""
    return COLOURS[place % len(COLOURS)]


def label_colour(place: int) -> str:
    """Of the label with this number."""
    return LABELS[place % len(LABELS)]


@contextmanager
def drawing() -> Iterator[None]:
    """Our style; UserError where matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError as error:
        raise UserError("matplotlib is not installed: pip install 'textvae[report]'") from error
    with matplotlib.rc_context(STYLE):
        yield


def grid(count: int, height: float = HEIGHT, width: float = WIDTH, columns: int = COLUMNS) -> tuple[Figure, list[Axes]]:
    """A figure of `count` axes in rows."""
    from matplotlib.figure import Figure

    columns = min(count, columns)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(width * columns, height * rows + 0.3), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def curves_figure(group: PanelGroup, runs: Sequence[str]) -> Figure:
    """A panel each; colours are runs, strokes are kinds."""
    figure, axes = grid(len(group.panels))
    for ax in axes[len(group.panels) :]:
        ax.remove()
    last = max(step for panel in group.panels for curve in panel.curves for step in curve.steps)
    for ax, panel in zip(axes, group.panels, strict=False):
        draw_panel(ax, panel)
        ax.set_xlim(0, 1.02 * max(last, 1))  # the same for all, so that a stage is seen as a part of the training
    if len(runs) > 1:
        legend(figure, runs)
    return figure


def draw_panel(ax: Axes, panel: Panel) -> None:
    """One panel."""
    from matplotlib.lines import Line2D

    kinds = list(dict.fromkeys(curve.kind for curve in panel.curves))
    for curve in panel.curves:
        ax.plot(*broken(curve), color=colour(curve.run), **stroke(curve, kinds))
    if panel.level is not None:
        ax.axhline(panel.level, color="#888888", linewidth=0.7, linestyle=":")
    values = [value for curve in panel.curves for value in curve.values]
    if panel.logarithmic:
        logarithmic(ax, values)
    if ax.get_yscale() == "linear":
        leave_out_outliers(ax, values)
    if len(kinds) > 1:
        strokes = {curve.kind: stroke(curve, kinds) for curve in panel.curves}
        handles = [Line2D([], [], color="#444444", **strokes[kind]) for kind in kinds]
        ax.legend(handles, [visible(kind) for kind in kinds], fontsize=6.5, handlelength=2.2)
    ax.set_title(panel.title, loc="left")


def broken(curve: Curve) -> tuple[list[float], list[float]]:
    """Steps and values with a hole where a phase paused: for far longer than its lines usually are apart."""
    if curve.dots or len(curve.steps) < 3:
        return list(curve.steps), list(curve.values)
    apart = [after - before for before, after in zip(curve.steps, curve.steps[1:], strict=False)]
    pause = 5 * sorted(apart)[len(apart) // 2]
    steps, values = [float(curve.steps[0])], [curve.values[0]]
    for step, value, gap in zip(curve.steps[1:], curve.values[1:], apart, strict=True):
        if gap > pause:
            steps, values = [*steps, math.nan], [*values, math.nan]
        steps, values = [*steps, step], [*values, value]
    return steps, values


def logarithmic(ax: Axes, values: Sequence[float]) -> None:
    """A logarithmic axis where values are positive and range over more than an order of magnitude and a half."""
    from matplotlib.ticker import NullFormatter

    if min(values) > 0 and max(values) > 30 * min(values):
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())


def leave_out_outliers(ax: Axes, values: Sequence[float]) -> None:
    """Cut off the highest and lowest hundredth where they alone would take more than half of the axis."""
    ordered = sorted(values)
    few = len(ordered) // 100
    if not few:
        return
    low, high = ordered[few], ordered[-few - 1]
    if 0 < 2 * (high - low) < ordered[-1] - ordered[0]:
        room = 0.25 * (high - low)
        ax.set_ylim(max(low - room, ordered[0] - room / 5), min(high + room, ordered[-1] + room / 5))


def stroke(curve: Curve, kinds: Sequence[str]) -> dict[str, Any]:
    """How a curve is drawn: dev by dots, which its line only joins."""
    line = {"linestyle": STROKES[kinds.index(curve.kind) % len(STROKES)]}
    return {**line, "marker": "o", "markersize": 3, "linewidth": 0.8} if curve.dots else line


def visible(name: str) -> str:
    """A label that a legend does not drop: it drops those that begin with an underscore."""
    return f"\u200b{name}" if name.startswith("_") else name


def legend(figure: Figure, runs: Sequence[str]) -> None:
    """Runs by colour, above the panels."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=colour(n), linewidth=2) for n in range(len(runs))]
    figure.legend(handles, [visible(run) for run in runs], loc="outside upper left", ncols=min(len(runs), 4))


def scatter_figure(title: str, spaces: dict[str, Any], labels: Sequence[int], names: Sequence[str]) -> Figure:
    """Maps of latent spaces: "z_s, PCA" -> points (N, 2), coloured by label (N,)."""
    from matplotlib.lines import Line2D

    figure, axes = grid(len(spaces), height=2.6, width=2.6)
    for ax, (name, points) in zip(axes, spaces.items(), strict=False):
        ax.scatter(points[:, 0], points[:, 1], s=4, c=[label_colour(n) for n in labels], linewidths=0, alpha=0.7)
        ax.set_title(name, loc="left")
        ax.set_xticks([])
        ax.set_yticks([])
    handles = [Line2D([], [], color=label_colour(n), marker="o", linestyle="") for n in range(len(names))]
    figure.legend(handles, [visible(n) for n in names], loc="outside upper left", ncols=6, title=title)
    return figure


def bars_figure(runs: Sequence[str], spaces: Sequence[dict[str, Any]]) -> Figure:
    """KL of every unit, largest first: for each run, space -> (Z,) nats."""
    titles = list(dict.fromkeys(name for space in spaces for name in space))
    figure, axes = grid(len(titles), width=5.0, columns=2)
    for ax, title in zip(axes, titles, strict=False):
        for run, space in enumerate(spaces):
            if title in space:
                units = sorted(space[title], reverse=True)
                ax.step(range(1, len(units) + 1), units, where="mid", color=colour(run))
        ax.set_title(f"KL of each unit of {title}, largest first (nats)", loc="left")
        ax.set_ylim(bottom=0)
    if len(runs) > 1:
        legend(figure, runs)
    return figure


def lead_figure(curve: dict[str, list[tuple[float, float]]], points: Sequence[Any], titles: dict[str, str]) -> Figure:
    """ROUGE over words: LEAD as a line, systems as points with intervals.

    curve: measure -> (words, ROUGE); points: (name, colour, words, {measure: Measure}).
    """
    figure, axes = grid(len(curve), height=2.4, width=3.2)
    handles: dict[str, Any] = {}
    for ax, (measure, line) in zip(axes, curve.items(), strict=False):
        (handles["LEAD"],) = ax.plot(*zip(*line, strict=True), color="#888888", marker=".", markersize=3)
        for number, (name, shade, words, found) in enumerate(points):
            value = found.get(measure)
            if value is None or value.value is None:
                continue
            spread = None if value.low is None else [[value.value - value.low], [value.high - value.value]]
            style = {"marker": MARKERS[number % len(MARKERS)], "color": shade, "markersize": 4, "linestyle": ""}
            handles[name] = ax.errorbar([words], [value.value], yerr=spread, **style)
        ax.set_title(f"{titles.get(measure, measure)} over words", loc="left")
    figure.legend(list(handles.values()), [visible(name) for name in handles], loc="outside upper left", ncols=4)
    return figure


def as_svg(figure: Figure, name: str) -> bytes:
    """SVG whose bytes depend on nothing but the figure."""
    import matplotlib

    shown = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(shown, format="svg", metadata={"Date": None})
    return shown.getvalue()


def save(figure: Figure, folder: Path, name: str) -> None:
    """`name`.svg and `name`.png (300 dots an inch), each whole or not at all."""
    shown = io.BytesIO()
    figure.savefig(shown, format="png", dpi=300, metadata={"Software": None})
    for suffix, data in (("svg", as_svg(figure, name)), ("png", shown.getvalue())):
        with atomic_write(folder / f"{name}.{suffix}", binary=True) as handle:
            handle.write(data)
