"""Checkpoints: whole or not there, verified before they are read, the one before used where one is damaged."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from tests.laws import assert_same_bits
from textvae import checkpoint
from textvae.checkpoint import (
    MANIFEST,
    Checkpoint,
    Checkpoints,
    flatten_optimizer,
    new_folder,
    unflatten_optimizer,
    verify,
)
from textvae.errors import UserError
from textvae.training.config import TrainingConfig
from textvae.training.optimizers import adversary_optimizer, model_optimizer


def made(step: int) -> Checkpoint:
    generator = torch.Generator().manual_seed(step)
    tensors = {
        "model": {"weight": torch.randn(40, 30, generator=generator), "transposed": torch.randn(3, 2).T},
        "model.optimizer": {"0.step": torch.tensor(float(step)), "0.exp_avg": torch.randn(4, generator=generator)},
        "adversaries": {"weight": torch.randn(3, dtype=torch.float64, generator=generator)},
        "adversaries.optimizer": {},
    }
    return Checkpoint(step, tensors, {"progress": {"step": step, "score": 0.1 + 0.2, "none": None}})


def assert_same(found: Checkpoint | None, expected: Checkpoint) -> None:
    assert found is not None and found.step == expected.step and found.state == expected.state
    assert found.tensors.keys() == expected.tensors.keys()
    for name, tensors in expected.tensors.items():
        assert_same_bits(found.tensors[name], tensors)
        assert {n: t.dtype for n, t in found.tensors[name].items()} == {n: t.dtype for n, t in tensors.items()}


class Run:
    """The checkpoints of a run and the warnings they gave."""

    def __init__(self, folder: Path, keep: int = 2):
        self.warnings: list[str] = []
        self.checkpoints = Checkpoints(folder / "checkpoints", keep, self.warnings.append)
        self.folder = folder / "checkpoints"

    def save(self, *steps: int) -> list[Checkpoint]:
        saved = [made(step) for step in steps]
        for each in saved:
            self.checkpoints.save(each)
        return saved

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def steps(self) -> list[int]:
        return [int(name.removeprefix("step_")) for name in self.names()]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


# ---------------------------------------------------------------------------------------------- saving
def test_what_is_saved_comes_back(run: Run) -> None:
    (saved,) = run.save(7)
    assert_same(run.checkpoints.latest(), saved)
    assert run.warnings == []


def test_nothing_saved_is_nothing_found(run: Run) -> None:
    assert run.checkpoints.latest() is None and run.warnings == []


def test_only_safetensors_and_json(run: Run) -> None:
    run.save(7)
    (folder,) = run.folder.iterdir()
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".json"}


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_the_newest_are_kept(tmp_path: Path, keep: int) -> None:
    run = Run(tmp_path, keep)
    run.save(1, 2, 3, 100_000, 100_001)
    assert run.steps() == [1, 2, 3, 100_000, 100_001][-keep:]


def test_saving_a_step_again_replaces_it(run: Run) -> None:
    run.save(5)
    again = Checkpoint(5, {"model": {"weight": torch.ones(2)}}, {"second": True})
    run.checkpoints.save(again)
    assert_same(run.checkpoints.latest(), again)
    assert run.steps() == [5]


def test_what_a_killed_process_left_is_swept_up(run: Run) -> None:
    run.save(1)
    left = run.folder / ".step_00000002.abc.tmp"
    left.mkdir()
    (left / "model.safetensors").write_bytes(b"half")
    assert [p.name for p in run.checkpoints.all()] == ["step_00000001"]
    run.save(3)
    assert run.steps() == [1, 3]


def test_others_may_read_what_was_written(run: Run, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        run.save(1)
        with new_folder(tmp_path / "best") as folder:
            save_file({"x": torch.ones(2)}, folder / "x.safetensors")
    finally:
        os.umask(before)
    for folder in (run.folder / "step_00000001", tmp_path / "best"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755, folder
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o644}, folder


# ---------------------------------------------------------------------------------------------- damage
def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def manifest(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(change(content)))


def rewritten(folder: Path, name: str, content: bytes) -> None:
    """A file of nonsense that its manifest agrees with: a bug or another version wrote it."""
    (folder / name).write_bytes(content)
    checkpoint.write_manifest(folder)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "weights truncated": lambda f: truncate(f / "model.safetensors"),
    "weights empty": lambda f: (f / "model.safetensors").write_bytes(b""),
    "one bit of the weights": lambda f: flip(f / "model.safetensors"),
    "one bit of the optimizer": lambda f: flip(f / "model.optimizer.safetensors"),
    "weights missing": lambda f: (f / "model.safetensors").unlink(),
    "state missing": lambda f: (f / "state.json").unlink(),
    "state truncated": lambda f: truncate(f / "state.json"),
    "manifest missing": lambda f: (f / MANIFEST).unlink(),
    "manifest truncated": lambda f: truncate(f / MANIFEST),
    "manifest empty": lambda f: (f / MANIFEST).write_bytes(b""),
    "manifest not text": lambda f: (f / MANIFEST).write_bytes(b"\xff\xfe\x00"),
    "manifest a list": lambda f: (f / MANIFEST).write_text("[1, 2]"),
    "manifest without checksums": lambda f: manifest(f, lambda m: dict.fromkeys(m, {})),
    "manifest of something else": lambda f: manifest(f, lambda m: {"model.safetensors": 3}),
    "folder empty": lambda f: [path.unlink() for path in f.iterdir()],
    "folder a file": lambda f: (shutil.rmtree(f), f.write_text("x")),
    "weights not safetensors": lambda f: rewritten(f, "model.safetensors", b"nonsense"),
    "state not JSON": lambda f: rewritten(f, "state.json", b"{"),
    "state without a step": lambda f: rewritten(f, "state.json", b"{}"),
    "state a list": lambda f: rewritten(f, "state.json", b"[]"),
}


@pytest.mark.parametrize("kind", sorted(DAMAGE))
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_used(run: Run, kind: str) -> None:
    first, _ = run.save(3, 6)
    DAMAGE[kind](run.folder / "step_00000006")
    assert_same(run.checkpoints.latest(), first)
    assert len(run.warnings) == 1 and "step_00000006" in run.warnings[0], run.warnings


@pytest.mark.parametrize("kind", sorted(DAMAGE))
def test_if_all_are_damaged_there_is_none(run: Run, kind: str) -> None:
    run.save(3, 6)
    for name in ("step_00000003", "step_00000006"):
        DAMAGE[kind](run.folder / name)
    assert run.checkpoints.latest() is None
    assert len(run.warnings) == 2


def test_verify_says_what_is_wrong(run: Run) -> None:
    run.save(3)
    folder = run.folder / "step_00000003"
    assert verify(folder) is None
    truncate(folder / "model.safetensors")
    assert "model.safetensors has" in str(verify(folder))
    (folder / "model.safetensors").unlink()
    assert verify(folder) == "model.safetensors is missing"
    (folder / MANIFEST).unlink()
    assert verify(folder) == f"{MANIFEST} is missing"


@pytest.mark.parametrize("keep", [1, 2])
def test_a_run_that_went_back_keeps_what_it_writes(tmp_path: Path, keep: int) -> None:
    """After damaged checkpoints were passed over, steps begin lower: the new ones must not be deleted as the oldest."""
    run = Run(tmp_path, keep)
    run.save(20, 30)
    for folder in run.folder.iterdir():
        truncate(folder / "model.safetensors")
    assert run.checkpoints.latest() is None
    for step in (5, 10):
        (saved,) = run.save(step)
        assert_same(run.checkpoints.latest(), saved)


# ---------------------------------------------------------------------------------------------- kills and full disks
def test_killed_between_the_two_renames_of_a_replacement(tmp_path: Path) -> None:
    """A folder cannot be replaced in one call; whoever dies between the two must not lose both."""
    run = Run(tmp_path, keep=1)
    (saved,) = run.save(5)
    child = os.fork()
    if child == 0:
        try:
            replace = os.replace

            def dying(source: Any, target: Any) -> None:
                replace(source, target)
                os._exit(9)

            checkpoint.os.replace = dying  # type: ignore[assignment]
            run.checkpoints.save(made(5))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    found = Run(tmp_path, keep=1).checkpoints.latest()
    assert found is not None and found.step == saved.step


def raising(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


NO_SPACE = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("save_file", NO_SPACE),
        ("save_file", SafetensorError("I/O error: No space left on device (os error 28)")),
        ("write_manifest", NO_SPACE),
        ("sha256", NO_SPACE),
    ],
)
def test_a_full_disk_keeps_the_checkpoint_before(
    run: Run, monkeypatch: pytest.MonkeyPatch, where: str, error: Exception
) -> None:
    (saved,) = run.save(3)
    monkeypatch.setattr(checkpoint, where, raising(error))
    with pytest.raises(UserError, match="No space left"):
        run.save(6)
    monkeypatch.undo()
    assert run.steps() == [3], "a temporary folder was left"
    assert_same(run.checkpoints.latest(), saved)
    (later,) = run.save(9)
    assert_same(run.checkpoints.latest(), later)


def test_a_real_write_error(run: Run) -> None:
    """The operating system refuses to write: files may not grow beyond 2,000 bytes."""
    (saved,) = run.save(3)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(UserError, match="step_00000006"):
            run.save(6)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert run.steps() == [3]
    assert_same(run.checkpoints.latest(), saved)


@pytest.mark.parametrize("failing", [1, 2])
def test_a_rename_that_fails_keeps_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    target = tmp_path / "best"
    with new_folder(target) as folder:
        (folder / "model").write_text("old")
    replace, calls = os.replace, []

    def second_fails(source: Any, destination: Any) -> None:
        calls.append(source)
        if len(calls) == failing:
            raise OSError(errno.EIO, "I/O error")
        replace(source, destination)

    monkeypatch.setattr(checkpoint.os, "replace", second_fails)
    with pytest.raises(UserError, match="I/O error"), new_folder(target) as folder:
        (folder / "model").write_text("new")
    monkeypatch.undo()
    assert (target / "model").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_while_writing_a_folder_keeps_the_old_one(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "best"
    with new_folder(target) as folder:
        (folder / "model").write_text("old")
    with pytest.raises(error), new_folder(target) as folder:
        (folder / "model").write_text("new")
        raise error
    assert (target / "model").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "runs" / "best"
    for names in (["a", "b"], ["b"]):
        with new_folder(target) as folder:
            for name in names:
                (folder / name).write_text(str(names))
    assert [path.name for path in target.iterdir()] == ["b"] and (target / "b").read_text() == "['b']"
    assert [path.name for path in target.parent.iterdir()] == ["best"]


# ---------------------------------------------------------------------------------------------- optimizers
@pytest.mark.parametrize("build", [model_optimizer, adversary_optimizer])
@pytest.mark.parametrize("steps", [0, 2])
def test_optimizer_states_survive(run: Run, build: Callable[..., torch.optim.Optimizer], steps: int) -> None:
    def optimizer() -> tuple[list[torch.nn.Parameter], torch.optim.Optimizer]:
        parameters = [torch.nn.Parameter(torch.ones(12) * i) for i in range(12)]
        return parameters, build(parameters, TrainingConfig())

    def advance(parameters: list[torch.nn.Parameter], moving: torch.optim.Optimizer) -> None:
        sum((p**3).sum() for p in parameters).backward()  # type: ignore[union-attr]
        moving.step()
        moving.zero_grad()

    parameters, moving = optimizer()
    for _ in range(steps):
        advance(parameters, moving)
    tensors, groups = flatten_optimizer(moving.state_dict())
    run.checkpoints.save(Checkpoint(1, {"o": tensors}, {"groups": groups}))
    found = run.checkpoints.latest()
    assert found is not None
    others, restored = optimizer()
    for mine, theirs in zip(others, parameters, strict=True):
        mine.data.copy_(theirs.data)
    restored.load_state_dict(unflatten_optimizer(found.tensors["o"], found.state["groups"]))
    advance(parameters, moving)
    advance(others, restored)
    assert all(torch.equal(a, b) for a, b in zip(parameters, others, strict=True))


def test_the_checkpoint_of_a_step(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=3)
    first = made(10)
    for checkpoint_made in (first, made(20)):
        checkpoints.save(checkpoint_made)
    assert_same(checkpoints.at(10), first)
    with pytest.raises(UserError, match="no checkpoint of step 15; there are: 10, 20"):
        checkpoints.at(15)
    (tmp_path / "checkpoints" / "step_00000020" / "model.safetensors").write_bytes(b"x")
    with pytest.raises(UserError, match="damaged"):
        checkpoints.at(20)
