"""The page in a real browser without a window: type, click, read the answer, look at it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from textvae.extras.demo.shelf import Shelf, StyleEntry

pytestmark = pytest.mark.slow

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome", "google-chrome-stable")
SECONDS = 60_000
"""Milliseconds until a browser gives up: the machine may be busy."""


def browser_program(playwright: Any) -> str | None:
    """CHROMIUM, one on the path, or playwright's own; None where there is none."""
    named = os.environ.get("CHROMIUM")
    found = [named] if named else [shutil.which(name) for name in NAMES] + [playwright.chromium.executable_path]
    return next((program for program in found if program and Path(program).exists()), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    pytest.importorskip("gradio")
    library = pytest.importorskip("playwright.sync_api")
    with library.sync_playwright() as playwright:
        program = browser_program(playwright)
        if program is None:
            pytest.skip(f"no Chromium here: install one, or set CHROMIUM (looked for {', '.join(NAMES)})")
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Any, served_page: str) -> Iterator[Any]:
    """A fresh page; whatever it asks of other hosts, and every error in it, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(SECONDS)
    found, troubles = context.new_page(), []
    found.on(
        "request",
        lambda one: troubles.append(one.url) if not one.url.startswith((served_page, "data:", "blob:")) else 0,
    )
    found.on("pageerror", lambda error: troubles.append(str(error)))
    found.goto(served_page)
    yield found
    context.close()
    assert troubles == []


def test_type_click_read(page: Any, shelf: Shelf, tmp_path: Path) -> None:
    page.fill("#rewrite-text textarea", "The food was awful. <b>It was not good!</b>")
    page.get_by_label("negative", exact=True).check()
    page.click("#rewrite-go")
    for label in ("negative", "mixed"):  # mixed, the last one, is chosen already
        page.wait_for_selector(f"#rewrite-answer h3:has-text('{label}')")
    style = shelf.find("style", StyleEntry)
    shown = page.inner_text("#rewrite-answer")
    wanted = style.transfer.candidates(
        "The food was awful. <b>It was not good!</b>", target="mixed", num_candidates=3, rerank=True, strength=1.0
    )
    assert all(one.text in shown for one in wanted)
    assert page.locator("#rewrite-answer td mark").count() > 0 and page.locator("#rewrite-answer td b").count() == 0
    page.screenshot(path=tmp_path / "rewrite.png", full_page=True)
    assert (tmp_path / "rewrite.png").stat().st_size > 20_000


def test_an_empty_field_gets_a_message_and_an_example_fills_it(page: Any) -> None:
    page.click("#rewrite-go")
    assert "Your text is empty" in page.inner_text("#rewrite-answer .problem")
    page.locator("button.gallery-item:visible").first.click()
    page.wait_for_function("() => document.querySelector('#rewrite-text textarea').value.length > 5")
    page.click("#rewrite-go")
    page.wait_for_selector("#rewrite-answer table")
    assert page.locator("#rewrite-answer .problem").count() == 0


def test_a_walk_on_the_map(page: Any, tmp_path: Path) -> None:
    page.get_by_role("tab", name="Map").click()
    page.wait_for_selector("#map svg circle[data-i]")
    page.locator("#map svg circle[data-i='3']").hover(force=True)
    assert ": " in page.inner_text("#map .hover")
    box = page.locator("#map .map svg").bounding_box()
    for number, (x, y) in enumerate(((0.3, 0.4), (0.6, 0.5)), start=1):
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.wait_for_selector(f"#map-answer .newest h3:has-text('Place {number}')")
    here = page.locator("#map svg .here")
    assert abs(float(here.get_attribute("cx")) / 1000 - 0.6) < 0.01
    assert abs(float(here.get_attribute("cy")) / 1000 - 0.5) < 0.01
    page.screenshot(path=tmp_path / "map.png", full_page=True)


def test_another_model_brings_other_controls_and_a_summary(page: Any) -> None:
    page.click("#model input")
    page.get_by_role("option", name="short").click()
    page.fill("#summary-text textarea", "The company said on Monday that profits rose in Ohio.")
    assert not page.locator("#rewrite-text").is_visible()
    page.click("#summary-go")
    page.wait_for_selector("#summary-answer table")
    before = page.inner_text("#summary-answer")
    slider = page.locator("#words input[type=range]").bounding_box()
    page.mouse.click(slider["x"] + 2, slider["y"] + slider["height"] / 2)  # its left end
    page.wait_for_function("before => document.querySelector('#summary-answer').innerText !== before", arg=before)
    assert float(page.locator("#words input[type=number]").input_value()) == 3
    page.click("#model input")
    page.get_by_role("option", name="bare").click()
    page.wait_for_selector("#rewrite-text textarea")
    assert page.locator("#summary-answer table").count() == 0
