"""Pages of docs/ about training: what they say exists, and their commands run."""

from __future__ import annotations

from pathlib import Path

import pytest
from documentation.pages import DOCS, TRAINING_PAGES, check_page, run_page
from documentation.sandbox import Sandbox

every_page = pytest.mark.parametrize("page", TRAINING_PAGES)


@every_page
def test_what_a_page_names_exists(page: str) -> None:
    check_page(DOCS / page)


@pytest.mark.slow
@every_page
def test_the_commands_of_a_page_run(
    page: str, tmp_path: Path, server: Path, cache: Path, trained_run: Path, short_run: Path
) -> None:
    run_page(DOCS / page, Sandbox(tmp_path, server, cache, trained_run, short_run))
