"""Run directory and checkpoints: whole or not there, verified before they are read, never pickled.

RUN/config.yaml environment.json data.json tokenizer/ bag_of_words.json metrics.jsonl
RUN/checkpoints/step_00001000/{*.safetensors, state.json, manifest.json}
RUN/best/ and RUN/last/: `config.json` and `model.safetensors`, as `save_pretrained` writes them
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from textvae.errors import UserError
from textvae.files import fsync_folder, sha256, umask

MANIFEST = "manifest.json"
Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """State of a training at one step. tensors: file name → tensors by name; state: small JSON values."""

    step: int
    tensors: dict[str, Tensors]
    state: dict[str, Any]


def recover(target: Path) -> None:
    """Put the old folder back if a process was killed between the two renames that replace it."""
    old = target.with_name(f".{target.name}.old")
    if old.exists() and not target.exists():
        os.replace(old, target)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes `target` (replacing an older one) when the block ends without an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    recover(target)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp"))
    temporary.chmod(0o777 & ~umask())  # mkdtemp allows its owner only
    try:
        yield temporary
        mode = 0o666 & ~umask()
        for path in temporary.rglob("*"):
            if path.is_file():
                path.chmod(mode)  # safetensors allows its owner only
                with open(path, "rb") as handle:
                    os.fsync(handle.fileno())
        old = None
        if target.exists():  # a folder cannot be replaced in one call: move the old one aside first
            old = target.with_name(f".{target.name}.old")
            shutil.rmtree(old, ignore_errors=True)
            os.replace(target, old)
        os.replace(temporary, target)
        fsync_folder(target.parent)
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:  # safetensors has its own error for a full disk
        recover(target)
        raise UserError(f"{target}: cannot be written: {error}. What was there before is untouched.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_manifest(folder: Path) -> None:
    """Record size and SHA-256 of every file in a folder."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.name != MANIFEST)
    manifest = {p.name: {"bytes": p.stat().st_size, "sha256": sha256(p)} for p in files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2))


def verify(folder: Path) -> str | None:
    """What is wrong with a checkpoint folder, or None."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        for name, entry in manifest.items():
            if (folder / name).stat().st_size != entry["bytes"]:
                return f"{name} has {(folder / name).stat().st_size} bytes instead of {entry['bytes']}"
            if sha256(folder / name) != entry["sha256"]:
                return f"{name} does not match its checksum"
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{MANIFEST} cannot be read ({error})"
    return None


class Checkpoints:
    """The checkpoints of a run, the newest `keep` of them."""

    def __init__(self, folder: Path, keep: int = 2, warn: Callable[[str], None] = warnings.warn):
        self.folder, self.keep, self.warn = folder, keep, warn

    def all(self) -> list[Path]:
        """Checkpoint folders, newest first. Half-written ones have other names and are never listed."""
        for old in self.folder.glob(".step_*.old"):
            recover(old.with_name(old.name.removeprefix(".").removesuffix(".old")))
        return sorted(self.folder.glob("step_*"), reverse=True)

    def save(self, checkpoint: Checkpoint) -> Path:
        """Write a checkpoint, then delete the oldest. A crash at any moment leaves the previous one whole."""
        target = self.folder / f"step_{checkpoint.step:08d}"
        with new_folder(target) as folder:
            for name, tensors in checkpoint.tensors.items():
                save_file({k: t.detach().contiguous() for k, t in tensors.items()}, folder / f"{name}.safetensors")
            (folder / "state.json").write_text(json.dumps({"step": checkpoint.step, **checkpoint.state}))
            write_manifest(folder)
        found = self.all()
        place = found.index(target)
        # Newer ones were passed over as damaged when this run was resumed; they must not push the good ones out.
        for old in found[:place] + found[place + self.keep :]:
            shutil.rmtree(old, ignore_errors=True)
        for stale in self.folder.glob(".step_*"):  # left by a killed process
            shutil.rmtree(stale, ignore_errors=True)
        return target

    def at(self, step: int) -> Checkpoint:
        """The checkpoint of a step; UserError where it is not there or damaged."""
        folder = self.folder / f"step_{step:08d}"
        if not folder.is_dir():
            steps = ", ".join(str(int(path.name.removeprefix("step_"))) for path in reversed(self.all()))
            raise UserError(f"{self.folder} has no checkpoint of step {step}; there are: {steps or 'none'}")
        problem = verify(folder)
        if problem is not None:
            raise UserError(f"{folder} is damaged: {problem}")
        return self.read(folder)

    def latest(self) -> Checkpoint | None:
        """The newest checkpoint that is intact; damaged ones are named and passed over."""
        for folder in self.all():
            problem = verify(folder)
            if problem is None:
                try:
                    return self.read(folder)
                except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
                    problem = str(error)
            self.warn(f"{folder} is damaged ({problem}); using the checkpoint before it")
        return None

    @staticmethod
    def read(folder: Path) -> Checkpoint:
        """Load one checkpoint folder."""
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        tensors = {p.stem: load_file(p) for p in sorted(folder.glob("*.safetensors"))}
        return Checkpoint(state.pop("step"), tensors, state)


def flatten_optimizer(state: dict[str, Any]) -> tuple[Tensors, list[dict[str, Any]]]:
    """A torch optimizer's state_dict as tensors by name (for safetensors) and parameter groups (for JSON)."""
    tensors = {f"{i}.{key}": value for i, slots in state["state"].items() for key, value in slots.items()}
    return tensors, state["param_groups"]


def unflatten_optimizer(tensors: Tensors, groups: list[dict[str, Any]]) -> dict[str, Any]:
    """The inverse of `flatten_optimizer`."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    return {"state": state, "param_groups": groups}
