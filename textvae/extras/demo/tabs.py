"""The parts of the page in which people write: rewriting, mixing, going from one sentence to another, summarising."""

from __future__ import annotations

from textvae.extras.demo.board import PRIVATE, Board, address_of
from textvae.extras.demo.interpolation import FEWEST_STEPS, MOST_STEPS, MOVED
from textvae.extras.demo.library import gr
from textvae.extras.demo.summaries import MOST_CANDIDATES, WORDS

SCORES = """\
**Style**: how sure the model's own style reader is that the new sentence has the style. **Likelihood**: how likely
the model finds each word, on average. **Score** (with reranking): what orders the candidates, and what it is the sum
of. These numbers rank candidates; how good the model is, `textvae evaluate` tells."""

NEWS = (
    "The mayor, who was elected two years ago, said on Friday that the city will close three schools because fewer "
    "children live in the centre.",
    "A spokesman for the company said late on Monday that it plans to cut 300 jobs at its plant in Ohio as demand "
    "for small engines has fallen since the spring.",
    "Two firefighters were slightly hurt on Sunday when the roof of an empty warehouse near the harbour fell in, "
    "police said.",
)
"""Examples for summarizers."""


def rewrite_tab(board: Board) -> None:
    """A text in the style of labels."""
    with gr.Tab("Rewrite"):
        gr.Markdown("Say the same in another style. New words are marked, dropped words are struck out.")
        with gr.Row():
            with gr.Column(scale=3):
                text = board.text("Your text", "rewrite-text", 4, "Type or paste one sentence or several")
                board.sentences(text)
            with gr.Column(scale=2):
                styles = board.styles()
                wishes = board.wishes("rewrite")
        button = gr.Button("Rewrite", variant="primary", elem_id="rewrite-go")
        result = board.result("rewrite-answer")
        with gr.Accordion("What the numbers mean", open=False):
            gr.Markdown(SCORES)

    def ask(
        run: str, text: str, styles: list[str], strength: float, count: float, rerank: bool, request: gr.Request
    ) -> str:
        return board.answers.rewrite(address_of(request), run, text, styles, strength, count, rerank)

    inputs = [board.run, text, styles, *wishes]
    gr.on([button.click, text.submit], ask, inputs, result, api_name="rewrite")


def mix_tab(board: Board) -> None:
    """The content of a text with the style of another."""
    with gr.Tab("Mix"):
        gr.Markdown("Keep the content of one sentence and take the style of another, without naming a style.")
        with gr.Row():
            with gr.Column():
                content = board.text("Content of", "mix-content")
                board.sentences(content)
            with gr.Column():
                style = board.text("Style of (one sentence or several, a line each)", "mix-style")
                board.sentences(style)
        with gr.Row():
            wishes = board.wishes("mix")
        button = gr.Button("Mix", variant="primary", elem_id="mix-go")
        result = board.result("mix-answer")

    def ask(
        run: str, content: str, style: str, strength: float, count: float, rerank: bool, request: gr.Request
    ) -> str:
        return board.answers.mix(address_of(request), run, content, style, strength, count, rerank)

    button.click(ask, [board.run, content, style, *wishes], result, api_name="mix")


def interpolate_tab(board: Board) -> None:
    """The way from a sentence to another."""
    with gr.Tab("From one to another"):
        gr.Markdown(
            "Go in even steps from one sentence to another, and read what the model writes on the way. "
            "Words that a step brings are marked."
        )
        with gr.Row():
            with gr.Column():
                first = board.text("From", "way-first", 2)
                board.sentences(first)
            with gr.Column():
                second = board.text("To", "way-second", 2)
                board.sentences(second)
        with gr.Row():
            moved = gr.Radio(list(MOVED), value="both", label="What changes on the way")
            steps = gr.Slider(FEWEST_STEPS, MOST_STEPS, value=7, step=1, label="Steps")
        button = gr.Button("Go", variant="primary", elem_id="way-go")
        result = board.result("way-answer")

    def ask(run: str, first: str, second: str, moved: str, steps: float, request: gr.Request) -> str:
        return board.answers.interpolate(address_of(request), run, first, second, moved, steps)

    button.click(ask, [board.run, first, second, moved, steps], result, api_name="interpolate")


def summarise_panel(board: Board) -> None:
    """A text in so many words."""
    gr.Markdown("Say it in fewer words. Move the slider, and the summary follows; words that are new are marked.")
    with gr.Row():
        with gr.Column(scale=3):
            text = board.text("Your text", "summary-text", 7, "Type or paste a sentence or a short paragraph")
            board.examples(NEWS, text)
        with gr.Column(scale=2):
            words = gr.Slider(*WORDS, value=10, step=1, label="Words at most", elem_id="words")
            count = gr.Slider(1, MOST_CANDIDATES, value=1, step=1, label="Candidates")
            button = gr.Button("Summarise", variant="primary", elem_id="summary-go")
    result = board.result("summary-answer")

    def ask(run: str, text: str, words: float, count: float, request: gr.Request) -> str:
        return board.answers.summarise(address_of(request), run, text, words, count)

    def follow(run: str, text: str, words: float, count: float, request: gr.Request) -> str:
        return ask(run, text, words, count, request) if text.strip() else ""

    inputs = [board.run, text, words, count]
    gr.on([button.click, text.submit], ask, inputs, result, api_name="summarise")
    gr.on([words.release, count.release], follow, inputs, result, **PRIVATE)
