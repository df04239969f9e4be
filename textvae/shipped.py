"""Models that come with the package, each a folder like a run's."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "pretrained"
"""Where they are."""


def shipped() -> list[str]:
    """Their names."""
    return sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir()) if FOLDER.is_dir() else []


def folder_of(name: str) -> Path:
    """Where the one of this name is."""
    return FOLDER / name
