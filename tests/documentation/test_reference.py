"""The written pages are those that the code makes now, and what they say of papers is so."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from documentation.pages import DOCS, TRAINING_PAGES, USING_PAGES, check_page
from documentation.shell import NOT_RUN, check, logical_lines, shell_blocks
from support import ROOT

from textvae.commands import COMMANDS
from textvae.config import TASKS, parse

sys.path.insert(0, str(ROOT / "scripts"))
import make_reference as generator  # noqa: E402


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """What `make docs` writes: the file's name -> its text."""
    return {path.relative_to(DOCS).as_posix(): text for path, text in generator.pages().items()}


def test_the_page_of_papers_is_current(pages: dict[str, str]) -> None:
    assert (DOCS / "papers.md").read_text(encoding="utf-8") == pages["papers.md"], "run `make docs`"


def test_the_check_sees_a_changed_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    monkeypatch.setattr(generator, "ROOT", tmp_path)
    monkeypatch.setattr(generator, "REFERENCE", tmp_path)
    monkeypatch.setattr(generator, "pages", lambda: {page: "text"})
    (tmp_path / "old.md").write_text("of a package that is gone")
    assert generator.main(["--check"]) == 1 and not page.exists()
    assert generator.main([]) == 0 and page.read_text() == "text" and not (tmp_path / "old.md").exists()
    assert generator.main(["--check"]) == 0 and "is not current" in capsys.readouterr().out
    page.write_text("changed")
    assert generator.main(["--check"]) == 1


def test_the_reference_holds_every_command_task_and_objective(pages: dict[str, str]) -> None:
    commands = pages["reference/commands.md"]
    assert all(f"## textvae {name}\n" in commands for name in COMMANDS)
    assert "textvae data check" in commands and "--rerank" in commands and "--treebank" in commands
    fields = pages["reference/configuration-style_transfer.md"]
    assert "| `objectives.J_kl_c.weight` | `float` | `0.03` |" in fields and "training.clip_norm" in fields
    assert all(f"reference/configuration-{task}.md" in pages for task in TASKS)
    objectives = pages["reference/objectives.md"]
    assert "def kl(" in objectives and "(John et al. 2019, eq. 2)" in objectives


def paper_rows() -> list[tuple[list[str], str, str]]:
    """(files, dotted name, value as quoted) of every table of papers.md."""
    found, columns = [], []
    for line in (DOCS / "papers.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| value |"):
            columns = [re.findall(r"\]\(\.\./(configs/[^)]+)\)", cell) for cell in cells[2:]]
        elif line.startswith("| `") and columns:
            found += [(files, cells[0].strip("`"), value) for files, value in zip(columns, cells[2:], strict=True)]
        elif not line.startswith("|"):
            columns = []
    return found


def test_values_quoted_beside_a_paper_s_are_those_of_the_configurations() -> None:
    rows, read = paper_rows(), {}
    assert len(rows) > 50
    for files, name, quoted in rows:
        if (key := tuple(files)) not in read:
            read[key], _ = parse([word for file in files for word in ("--config", str(ROOT / file))])
        value = read[key]
        for part in name.split("."):
            value = getattr(value, part)
        assert str(value) == quoted, (files, name)


def test_links_of_generated_pages_lead_somewhere(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        for link in re.findall(r"\]\(([^)\s#:]+)\)", re.sub(r"(?ms)^```.*?^```$", "", text)):
            target = os.path.normpath(DOCS / Path(name).parent / link)
            assert os.path.relpath(target, DOCS) in pages or os.path.exists(target), f"{name}: {link}"


def test_every_page_is_tested_and_in_the_index() -> None:
    pages = {path.name for path in DOCS.glob("*.md")}
    assert pages == {*TRAINING_PAGES, *USING_PAGES, "papers.md"}
    index = (DOCS / "index.md").read_text()
    assert all(f"]({name})" in index for name in pages - {"index.md"})


def test_what_is_not_run_has_a_reason_and_is_checked() -> None:
    comments = [c for path in DOCS.glob("*.md") for block in shell_blocks(path) for c in block.only_checked]
    assert comments and all(len(c.partition(NOT_RUN)[2]) > 5 for c in comments)
    assert "docs/index.md" in (ROOT / "README.md").read_text()


def test_the_commands_of_the_readme_exist() -> None:
    check_page(ROOT / "README.md")


@pytest.mark.parametrize(
    "wrong",
    [
        "textvae transfr runs/demo",
        "textvae transfer runs/demo --too positive",
        "echo x | textvae evaluate runs/demo --training.epochs 3",
        "accelerate launch --multi-gpus train.py",
        "python train.py --training.epocks 3",
        "textvae train --config configs/toy/nothing.yaml",
        "make everything",
        "pip install 'textvae[nothing]'",
        "python scripts/nothing.py",
    ],
)
def test_a_wrong_command_is_seen(wrong: str) -> None:
    with pytest.raises(AssertionError):
        check(wrong)


def test_commands_are_read_as_a_shell_does() -> None:
    text = "a \\\n  b\nc <<'E'\ninside\nE\nd  # not run by the tests: no"
    assert list(logical_lines(text)) == ["a \\\n  b", "c <<'E'\ninside\nE", "d  # not run by the tests: no"]
