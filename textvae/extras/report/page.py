"""One self-contained page: everything is in the file, nothing is fetched, and nothing of the data is markup."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from textvae.errors import UserError
from textvae.extras.report import figures, tables
from textvae.extras.report.comparison import Comparison, Measure, compare, unique_names
from textvae.extras.report.curves import all_groups
from textvae.extras.report.equations import Term, terms
from textvae.extras.report.frontier import frontier_figure
from textvae.extras.report.records import RunRecord, look_up
from textvae.extras.report.standing import standing
from textvae.extras.report.state import state_of
from textvae.extras.report.style_gallery import StyleGallery, style_gallery
from textvae.extras.report.summary_gallery import Summarised, lead_curve, summarised, symptoms
from textvae.extras.report.sweep import JOINTLY, sweep_table, sweeps_of
from textvae.extras.report.word_diff import kept_words, word_diff

T = TypeVar("T")
ROUGE = {"rouge_1": "ROUGE-1", "rouge_2": "ROUGE-2", "rouge_l": "ROUGE-L"}

RIVALS = ("LEAD, cut by a language model", "denoising tagger")
"""Baselines beside LEAD's curve; the other ones lie on it, or are 100 by definition."""
PIXELS = 112
"""Of an inch of a figure: four panels fill the page."""


@dataclass(frozen=True)
class PageOptions:
    """sentences: on the maps (0: none). model: whether the best models are loaded at all. data: where the sentences
    of style runs lie now, if not where the runs had them. figures: folder for PNG and SVG files.
    """

    sentences: int = 1000
    model: bool = True
    data: str | None = None
    figures: Path | None = None


@dataclass(frozen=True)
class Image:
    """A figure in the page: `uri` is the whole SVG, which as an image can neither run scripts nor fetch anything.
    width: pixels, the same for an inch of every figure.
    """

    title: str
    note: str
    uri: str
    width: int


@dataclass
class Page:
    """What the template shows. Lists are aligned with `names`; a gallery is None where model or data are not there,
    and `notes` say why.
    """

    title: str
    names: tuple[str, ...]
    states: list[str]
    facts: dict[str, list[str]]
    comparison: Comparison | None
    terms: dict[str, list[Term | None]]
    images: list[Image] = field(default_factory=list)
    kl_image: Image | None = None
    style_tables: list[tables.Table] = field(default_factory=list)
    standing: tuple[tables.Table, Image] | None = None
    probes: list[str] = field(default_factory=list)
    summary_tables: list[tuple[tables.Table, Image | None]] = field(default_factory=list)
    evaluation_notes: list[str] = field(default_factory=list)
    sweeps: list[tuple[tables.Table, Image]] = field(default_factory=list)
    symptoms: list[tuple[str, str, list[Any]]] = field(default_factory=list)
    style: list[StyleGallery | None] = field(default_factory=list)
    summaries: list[list[Summarised] | None] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Builder:
    """Puts a page together; `tell` hears what takes time."""

    def __init__(self, records: Sequence[RunRecord], options: PageOptions, tell: Callable[[str], None]):
        self.records, self.options, self.tell = records, options, tell
        self.names, self.now = unique_names(records), time.time()
        self.notes: list[str] = []

    def build(self) -> Page:
        """Everything that is there."""
        records = self.records
        page = Page(
            title=", ".join(self.names),
            names=self.names,
            states=[str(state_of(record, self.now)) for record in records],
            facts=tables.fact_table(records, self.now),
            comparison=compare(records) if len(records) > 1 else None,
            terms=self.terms(),
            notes=self.notes,
        )
        page.style = [self.gallery(n, "style_transfer", self.open_style) for n in range(len(records))]
        page.summaries = [self.gallery(n, "summarization", summarised) for n in range(len(records))]
        self.tell("figures")
        with figures.drawing():
            self.draw(page)
        self.results(page)
        return page

    def terms(self) -> dict[str, list[Term | None]]:
        """Objective -> its row for every run."""
        columns = [{term.name: term for term in terms(record)} for record in self.records]
        found = dict.fromkeys(name for column in columns for name in column)
        return {name: [column.get(name) for column in columns] for name in found}

    def results(self, page: Page) -> None:
        """What was evaluated."""
        page.style_tables = tables.style_tables(self.records, self.names)
        attributes = tables.attribute_tables(self.records, self.names)
        page.style_tables += attributes
        page.evaluation_notes += [JOINTLY] if attributes else []
        for record, name in zip(self.records, self.names, strict=True):
            page.probes += [f"{name}: {line}" for line in tables.probe_lines(record.evaluation)]
            notes = look_up(record.evaluation, "settings.notes")
            page.evaluation_notes += [str(note) for note in notes] if isinstance(notes, list) else []
            if record.task == "summarization":
                page.symptoms.append((name, *symptoms(record)))
        page.evaluation_notes = list(dict.fromkeys(page.evaluation_notes))

    def gallery(self, place: int, task: str, look: Callable[[RunRecord], T]) -> T | None:
        """What `look` sees in a run of this task; None with a note where something is missing."""
        record, name = self.records[place], self.names[place]
        if record.task != task:
            return None
        if not self.options.model:
            self.notes.append(f"{name}: the model was not asked (--quick), so nothing that it writes is shown.")
            return None
        self.tell(f"{name}: what the model does")
        try:
            return look(record)
        except UserError as error:
            self.notes.append(f"{name}: no maps and no examples, since {error}")
        return None

    def open_style(self, record: RunRecord) -> StyleGallery:
        """The gallery of a style run."""
        return style_gallery(record.folder, self.options.sentences, self.options.data)

    def draw(self, page: Page) -> None:
        """All figures, also into files where these are wanted."""
        for group in all_groups(self.records):
            page.images.append(
                self.image(figures.curves_figure(group, self.names), group.name, group.title, group.note)
            )
        galleries = [gallery for gallery in page.style if gallery]
        if galleries:
            spaces = [gallery.kl if gallery else {} for gallery in page.style]
            note = "Measured on the dev sentences of the maps; a unit near 0 says nothing of its sentence."
            page.kl_image = self.image(figures.bars_figure(self.names, spaces), "kl_units", "KL of every unit", note)
        for n, (record, name) in enumerate(zip(self.records, self.names, strict=True)):
            if table := tables.summary_table(record, n, name):
                page.summary_tables.append((table, self.lead(record, table)))
            self.draw_sweeps(page, record, name)
        page.standing = self.draw_standing([gallery.test_set if gallery else None for gallery in page.style])
        self.draw_maps(page)

    def draw_standing(self, test_sets: Sequence[str | None]) -> tuple[tables.Table, Image] | None:
        """Evaluated runs among published systems, where there are any on their test set."""
        found = standing(self.records, self.names, test_sets)
        if found is None:
            return None
        figure = frontier_figure(found.sweep, notes=())
        return found.table, self.image(figure, "published", "Accuracy against BLEU", found.note)

    def draw_sweeps(self, page: Page, record: RunRecord, name: str) -> None:
        """Accuracy against BLEU of the sweeps beside a run."""
        found, problems = sweeps_of(record.folder)
        self.notes += [f"{name}: a sweep is left out: {problem}" for problem in problems]
        for sweep in found:
            title = ", ".join([name, sweep.split, *([f"{sweep.changed} changed"] if sweep.changed else [])])
            figure = self.image(
                frontier_figure(sweep), f"frontier-{file_name(title)}", "Accuracy against BLEU", " ".join(sweep.notes)
            )
            page.sweeps.append((replace(sweep_table(sweep), title=title), figure))

    def draw_maps(self, page: Page) -> None:
        """Maps as files; in the page they are drawn by the template, since there they answer to the mouse."""
        for name, gallery in zip(self.names, page.style, strict=True):
            for coloured in gallery.colourings if self.options.figures and gallery else ():
                if coloured.maps and self.options.figures:
                    spaces = {f"{found.space}, {found.method}": found.points for found in coloured.maps}
                    figure = figures.scatter_figure(name, spaces, coloured.labels, coloured.names)
                    file = "-".join(filter(None, ("maps", file_name(name), file_name(coloured.attribute))))
                    figures.save(figure, self.options.figures, file)

    def lead(self, record: RunRecord, table: tables.Table) -> Image | None:
        """ROUGE over words: LEAD's curve and the systems of a table."""
        curve = lead_curve(record.evaluation)
        lines = {
            key: [
                (words, found[key].value) for words, found in curve if found.get(key, Measure(None)).value is not None
            ]
            for key in ROUGE
        }
        lines = {key: points for key, points in lines.items() if len(points) > 1}
        if not lines:
            return None
        points = [
            (row.system, "#444444" if row.own is None else figures.colour(row.own), words, row.measures)
            for row in table.rows
            if row.own is not None or row.system in RIVALS
            if (words := row.measures.get("mean_length", Measure(None)).value) is not None
        ]
        figure = figures.lead_figure(lines, points, ROUGE)  # type: ignore[arg-type]
        note = "A system above the grey line beats the first words of the document at its length."
        return self.image(figure, f"lead-{file_name(table.title)}", "LEAD at every length", note)

    def image(self, figure: Any, name: str, title: str, note: str) -> Image:
        """A figure for the page, and as files where these are wanted."""
        if self.options.figures:
            figures.save(figure, self.options.figures, name)
        data = base64.b64encode(figures.as_svg(figure, name)).decode()
        width = round(PIXELS * figure.get_size_inches()[0])
        return Image(title, note, f"data:image/svg+xml;base64,{data}", width)


def file_name(name: str) -> str:
    """A name that every file system takes."""
    return re.sub(r"[^\w.-]+", "_", name)


def render(page: Page) -> str:
    """The page as HTML. Jinja escapes every value; the content policy allows our own script alone, and no network."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("textvae.extras.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.lstrip_blocks = True
    environment.filters |= {"colour": figures.colour, "label_colour": figures.label_colour}
    environment.globals |= {
        "cell": tables.cell,
        "word_diff": word_diff,
        "kept_words": kept_words,
        "shown": shown,
        "equations": equations,
    }
    script = resources.files("textvae.extras.report").joinpath("templates/page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = environment.get_template("page.html")
    return template.render(page=page, script=script, digest=digest, rewritten=side_by_side(page))


def shown(galleries: Sequence[T | None]) -> list[tuple[int, T]]:
    """What there is, with the place of its run."""
    return [(n, gallery) for n, gallery in enumerate(galleries) if gallery is not None]


def equations(columns: Sequence[Term | None]) -> list[tuple[str, list[int]]]:
    """The forms that an objective has in the runs, each with the places of its runs: a configuration may choose it."""
    found: dict[str, list[int]] = {}
    for place, term in shown(columns):
        found.setdefault(term.equation or "–", []).append(place)
    return list(found.items())


def side_by_side(page: Page) -> list[tuple[Any, list[str | None]]]:
    """Each rewriting of the first run that shows it, with what every run with a gallery made of the same sentence."""
    columns = [{(r.text, r.target): r for r in gallery.rewritings} for _, gallery in shown(page.style)]
    keys = dict.fromkeys(key for column in columns for key in column)
    found = []
    for key in keys:
        row = [column.get(key) for column in columns]
        found.append((next(r for r in row if r), [None if r is None else r.output for r in row]))
    return found


def build_page(records: Sequence[RunRecord], options: PageOptions, tell: Callable[[str], None]) -> str:
    """The HTML of a page about one run, or about several side by side."""
    return render(Builder(records, options, tell).build())
