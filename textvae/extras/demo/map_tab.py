"""The tab in which people walk: a map, a click, the sentence that is there."""

from __future__ import annotations

from importlib import resources
from typing import Any

from textvae.extras.demo.answers import Trail
from textvae.extras.demo.board import PRIVATE, Board, address_of
from textvae.extras.demo.library import gr
from textvae.extras.demo.shelf import StyleEntry, SummaryEntry
from textvae.extras.demo.walking import SPACES

Shown = tuple[str, str, Trail]
"""The map, the visits, and the trail for the next click."""


def map_tab(board: Board) -> None:
    """Walking on the map of a latent space."""
    script = resources.files("textvae.extras.demo").joinpath("map.js").read_text(encoding="utf-8")
    with gr.Tab("Map") as tab:
        gr.Markdown(
            "Every point is a sentence of the data. **Click anywhere**, on a point or between points: the model writes "
            "the sentence that belongs there. Click again to walk on."
        )
        with gr.Row():
            with gr.Column(scale=3):
                space = gr.Radio(list(SPACES), value="content", label="Which space", elem_id="space")
                drawn = board.depends(lambda **given: gr.HTML(elem_id="map", js_on_load=script, **given), first_map)
            with gr.Column(scale=2):
                own = board.text("Find a sentence of yours on the map", "map-own", 1)
                find = gr.Button("Find", elem_id="map-find")
                result = board.result("map-answer")
    trail = gr.State([])
    board.depending.append((trail, lambda entry: []))
    connect(board, tab, [board.run, space, trail], own, find, [drawn, result, trail])


def first_map(entry: StyleEntry | SummaryEntry) -> dict[str, Any]:
    """Nothing: a map takes a second, and is drawn when its tab is opened."""
    return {"value": '<p class="soft">Choose a space to draw its map.</p>'}


def connect(board: Board, tab: Any, inputs: list[Any], own: Any, find: Any, outputs: list[Any]) -> None:
    """Open the map, click on it, find something on it."""
    answers = board.answers

    def open_map(run: str, space: str, trail: Trail, request: gr.Request) -> str:
        return answers.map(address_of(request), run, space, trail)

    def begin(run: str, space: str, request: gr.Request) -> Shown:
        return answers.map(address_of(request), run, space, []), "", []

    def click(run: str, space: str, trail: Trail, event: gr.EventData, request: gr.Request) -> Shown:
        told = event._data if isinstance(event._data, dict) else {}
        return answers.walk(address_of(request), run, space, told, trail)

    def locate(run: str, space: str, trail: Trail, text: str, request: gr.Request) -> Shown:
        return answers.locate(address_of(request), run, space, text, trail)

    run, space, _ = inputs
    drawn = outputs[0]
    tab.select(open_map, inputs, drawn, **PRIVATE)
    space.change(begin, [run, space], outputs, **PRIVATE)
    drawn.click(click, inputs, outputs, **PRIVATE)
    gr.on([find.click, own.submit], locate, [*inputs, own], outputs, **PRIVATE)
