"""Pages of docs/ about using: what they say exists, and their commands run."""

from __future__ import annotations

from pathlib import Path

import pytest
from documentation.pages import DOCS, USING_PAGES, check_page, run_first_screen, run_page
from documentation.sandbox import Sandbox

every_page = pytest.mark.parametrize("page", USING_PAGES)


@every_page
def test_what_a_page_names_exists(page: str) -> None:
    check_page(DOCS / page)


@pytest.mark.slow
@every_page
def test_the_commands_of_a_page_run(
    page: str, tmp_path: Path, server: Path, cache: Path, trained_run: Path, short_run: Path
) -> None:
    run_page(DOCS / page, Sandbox(tmp_path, server, cache, trained_run, short_run))


@pytest.mark.slow
def test_the_first_screen_of_the_readme_rewrites_and_shortens_a_sentence(
    tmp_path: Path, server: Path, cache: Path, trained_run: Path, short_run: Path
) -> None:
    printed = run_first_screen(Sandbox(tmp_path, server, cache, trained_run, short_run)).splitlines()
    rewritten, shorter, by_own = printed
    assert "cold" not in rewritten and "rude" not in rewritten and "soup" in rewritten
    assert 2 < len(shorter.split()) < 15 and "schools" in shorter
    assert by_own.strip()
