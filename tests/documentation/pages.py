"""What is done with every page: its links lead somewhere, its commands exist, and they run."""

from __future__ import annotations

import re
from pathlib import Path

from documentation.sandbox import Sandbox
from documentation.shell import check, logical_lines, shell_blocks
from support import ROOT

DOCS = ROOT / "docs"
TRAINING_PAGES = ("own-data.md", "more-styles.md", "own-language.md", "resume.md", "several-processes.md")
USING_PAGES = (
    *("add-a-latent.md", "add-an-objective.md", "better-transfers.md", "commands.md", "judges.md"),
    *("own-documents.md", "report.md"),
    "index.md",
)
GENERATED = ("papers.md",)


def check_page(path: Path) -> None:
    """Links, options, values and files of a page exist."""
    text = path.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", text):
        assert (path.parent / link).exists(), f"{path.name}: {link}"
    for name in re.findall(r"`((?:textvae|configs|tests|scripts|results)/[\w./-]+)`", text):
        assert (ROOT / name).exists(), f"{path.name}: {name}"
    for block in shell_blocks(path):
        for command in logical_lines(block.text):
            check(command)


def run_page(path: Path, sandbox: Sandbox) -> None:
    """All shell blocks as one script, and each Python block as a program."""
    if script := "\n".join(block.runs for block in shell_blocks(path)):
        done = sandbox.run(f"set -x\n{script}")
        assert done.returncode == 0, f"{path.name}: {done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    for code in re.findall(r"(?ms)^```python\n(.*?)^```$", path.read_text(encoding="utf-8")):
        (sandbox.folder / "example.py").write_text(code)
        done = sandbox.run("python example.py")
        assert done.returncode == 0, f"{path.name}: {done.stderr[-4000:]}"


README = ROOT / "README.md"
ELSEWHERE = (("make setup && . .venv/bin/activate", "true"), ("make demo\n", "true\n"))
"""Commands of the README's first screen whose work is done before: the environment, and the run that lies there."""


def run_first_screen(sandbox: Sandbox) -> str:
    """The first block of the README, as a newcomer types it; returns what it prints."""
    script = shell_blocks(README)[0].runs + "\n"
    for old, new in ELSEWHERE:
        assert old in script, old
        script = script.replace(old, new)
    done = sandbox.run(script)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
