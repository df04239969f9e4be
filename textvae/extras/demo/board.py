"""What the tabs of the page have in common: fields, examples, buttons, and what changes with the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textvae.extras.demo.answers import Answers
from textvae.extras.demo.library import gr
from textvae.extras.demo.rewriting import MOST_CANDIDATES, STRENGTHS
from textvae.extras.demo.shelf import StyleEntry, SummaryEntry

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
"""Of events that are no use to programs."""

REVIEWS = (
    "The food was awful and the waiter was rude.",
    "I love this place, and the staff is always friendly!",
    "The soup was cold, and nobody said sorry.",
)
"""Examples where the data of a run are not there."""

Update = Callable[[StyleEntry | SummaryEntry], Any]
"""What becomes of a component when a model is chosen."""


class Board:
    """The page while it is laid out. run: the dropdown of models; entry: the model it begins with."""

    def __init__(self, answers: Answers):
        self.answers, self.entries = answers, answers.shelf.entries
        self.entry = next(iter(self.entries.values()))
        self.run: Any = None
        self.depending: list[tuple[Any, Update]] = []

    def depends(self, make: Callable[..., Any], update: Callable[[StyleEntry | SummaryEntry], dict[str, Any]]) -> Any:
        """A component made with what `update` gives for the first model, and changed so with every other."""
        component = make(**update(self.entry))
        self.depending.append((component, lambda entry: gr.update(**update(entry))))
        return component

    def change(self, name: str) -> list[Any]:
        """The new state of everything that depends on the model."""
        return [update(self.entries[name]) for _, update in self.depending]

    # ------------------------------------------------------------------ components
    def only_for(self, kind: type[StyleEntry] | type[SummaryEntry]) -> Any:
        """A part of the page that is there for models of one kind."""
        return self.depends(gr.Column, lambda entry: {"visible": isinstance(entry, kind)})

    def text(self, label: str, name: str, lines: int = 3, placeholder: str = "") -> Any:
        """A field for text."""
        most = self.answers.limits.characters
        return gr.Textbox(label=label, lines=lines, max_length=most, placeholder=placeholder, elem_id=name)

    def sentences(self, field: Any) -> None:
        """Sentences of the data of the model that go into a field when they are clicked."""
        shown = self.depends(
            lambda **given: gr.Dataset(components=["textbox"], label="Examples (click one)", **given),
            lambda entry: {"samples": [[text] for text in sentences(entry)]},
        )
        into(shown, field)

    def examples(self, samples: Sequence[str], field: Any) -> None:
        """The same of fixed texts."""
        shown = [[text] for text in samples]
        into(gr.Dataset(components=["textbox"], samples=shown, label="Examples (click one)"), field)

    def styles(self) -> Any:
        """Which labels are wanted; at first the last of them."""

        def labels(entry: StyleEntry | SummaryEntry) -> dict[str, Any]:
            found = list(entry.transfer.labels) if isinstance(entry, StyleEntry) else []
            return {"choices": found, "value": found[-1:]}

        make = lambda **given: gr.CheckboxGroup(label="Wanted style (one or several)", elem_id="styles", **given)  # noqa: E731
        return self.depends(make, labels)

    def wishes(self, name: str) -> list[Any]:
        """Strength, number of candidates, reranking."""
        low, high = STRENGTHS
        strength = self.depends(
            lambda **given: gr.Slider(
                low,
                high,
                step=0.1,
                label="Strength",
                info="0 neutral, 1 the style itself, above: more",
                elem_id=f"{name}-strength",
                **given,
            ),
            lambda entry: {"value": min(max(entry.strength, low), high) if isinstance(entry, StyleEntry) else 1.0},
        )
        count = gr.Slider(1, MOST_CANDIDATES, value=3, step=1, label="Candidates")
        rerank = self.depends(
            lambda **given: gr.Checkbox(
                label="Rerank", info="order the candidates by style, content and fluency; slower", **given
            ),
            lambda entry: dict.fromkeys(("value", "visible"), isinstance(entry, StyleEntry) and entry.reranks),
        )
        return [strength, count, rerank]

    def result(self, name: str) -> Any:
        """Where an answer appears; another model empties it."""
        return self.depends(lambda **given: gr.HTML(elem_id=name, **given), lambda entry: {"value": ""})


def sentences(entry: StyleEntry | SummaryEntry) -> list[str]:
    """Examples for a style transfer."""
    return (entry.examples() or list(REVIEWS)) if isinstance(entry, StyleEntry) else list(REVIEWS)


def into(shown: Any, field: Any) -> None:
    """A click on an example puts it into a field."""
    shown.click(lambda sample: sample[0], shown, field, queue=False, **PRIVATE)


def address_of(request: gr.Request) -> str:
    """Whose requests are counted together."""
    return request.client.host if request.client else "unknown"
