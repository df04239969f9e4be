"""The page: tabs around `Answers`. What a button does is there; here is only where it stands."""

from __future__ import annotations

from importlib import resources
from typing import Any

from textvae.extras.demo.answers import Answers
from textvae.extras.demo.board import PRIVATE, Board
from textvae.extras.demo.library import gr
from textvae.extras.demo.map_tab import map_tab
from textvae.extras.demo.shelf import StyleEntry, SummaryEntry
from textvae.extras.demo.tabs import interpolate_tab, mix_tab, rewrite_tab, summarise_panel

WAITING = 400
"""Requests that wait at most; who comes then is told that the demo is busy."""
WORKING = 4
"""Requests of one kind that are worked on at once: so many models can answer at the same time."""

TITLE = """\
# textvae
Rewrite and shorten text with your own models. Everything is computed on the machine that serves this page; what you
type is sent nowhere else and is not kept."""


def build_page(answers: Answers) -> gr.Blocks:
    """The page of a shelf of models, with its queue."""
    board = Board(answers)
    with gr.Blocks(title="textvae", analytics_enabled=False) as blocks:
        gr.Markdown(TITLE)
        names = list(board.entries)
        board.run = gr.Dropdown(names, value=names[0], label="Model", visible=len(names) > 1, elem_id="model")
        board.depends(gr.HTML, lambda entry: {"value": answers.facts(entry.name)})
        with board.only_for(StyleEntry), gr.Tabs():
            for tab in (rewrite_tab, mix_tab, interpolate_tab, map_tab):
                tab(board)
        with board.only_for(SummaryEntry):
            summarise_panel(board)
        board.run.change(board.change, board.run, [component for component, _ in board.depending], **PRIVATE)
    blocks.queue(max_size=WAITING, default_concurrency_limit=WORKING, api_open=False)
    return blocks


def looks() -> dict[str, Any]:
    """Theme and style sheet: fonts of the reader's machine, so that none is fetched."""
    css = resources.files("textvae.extras.demo").joinpath("page.css").read_text(encoding="utf-8")
    theme = gr.themes.Default(
        primary_hue="teal",
        font=["system-ui", "Segoe UI", "DejaVu Sans", "sans-serif"],
        font_mono=["ui-monospace", "DejaVu Sans Mono", "monospace"],
    )
    return {"theme": theme, "css": css}
