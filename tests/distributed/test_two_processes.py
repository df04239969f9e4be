"""Two processes are one on the same global batches, stop together and go on together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from torch import Tensor

from tests.distributed.worker import AGREEING, OTHER_TASKS, SAME_AS_ONE, SUMMARIZERS
from tests.laws import assert_close, assert_same_bits, progress_of, tiny_accelerator, tiny_trainer, weights_of
from tests.training import summaries

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything two processes did."""
    target = tmp_path_factory.mktemp("two")
    # `accelerate launch --cpu --num_processes 2` starts one process: torchrun with this variable starts two.
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*launcher, "-m", "tests.distributed.worker", str(target)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return target


def facts(folder: Path, name: str) -> list[dict[str, Any]]:
    found = [json.loads((folder / f"{name}.{rank}.json").read_text()) for rank in range(2)]
    assert [f["num_processes"] for f in found] == [2, 2] and {f["type"] for f in found} == {"MULTI_CPU"}
    return found


def weights(folder: Path, name: str) -> dict[str, Tensor]:
    """Weights and optimizer states, which both processes must share bit for bit."""
    first, second = (load_file(folder / f"{name}.{rank}.safetensors") for rank in range(2))
    assert_same_bits(second, first)
    return first


@pytest.mark.parametrize("name", sorted(SAME_AS_ONE))
def test_two_processes_are_one(folder: Path, tmp_path: Path, name: str) -> None:
    one = tiny_trainer(tmp_path, tiny_accelerator(), **SAME_AS_ONE[name])
    lines: list[dict[str, float]] = []
    one.accelerator.log = lambda values, step=None, **_: lines.append(values)  # type: ignore[method-assign]
    one.fit()
    both = facts(folder, name)
    for found in both:
        assert found["progress"] == progress_of(one)
        assert len(found["lines"]) == len(lines)
        for theirs, ours in zip(found["lines"], lines, strict=True):
            for key in set(ours) - {"train/tokens_per_second", "train/sentences_per_second"}:
                assert theirs[key] == pytest.approx(ours[key], rel=1e-3 if name == "closed form" else 1e-6, abs=1e-9), (
                    key
                )
    two = weights(folder, name)
    for key, value in weights_of(one).items():
        assert_close(two[key], value, 1e-3 if name == "closed form" else 1e-7, key)  # it sums in fp32


@pytest.mark.parametrize("name", sorted(OTHER_TASKS))
def test_two_processes_train_the_other_tasks_as_one_does(folder: Path, tmp_path: Path, name: str) -> None:
    one = OTHER_TASKS[name](tmp_path)
    one.fit()
    for found in facts(folder, name):
        assert found["progress"] == progress_of(one)
    two = weights(folder, name)
    for key, value in weights_of(one).items():
        assert_close(two[key], value, 1e-6, key)


@pytest.mark.parametrize("name", sorted(AGREEING))
def test_two_processes_agree_where_they_cannot_be_one(folder: Path, name: str) -> None:
    assert [found["progress"]["step"] for found in facts(folder, name)] == [6, 6]
    assert all(value.isfinite().all() for value in weights(folder, name).values())


@pytest.mark.parametrize("estimator", SUMMARIZERS)
def test_two_processes_train_a_summarizer_as_one_does(folder: Path, tmp_path: Path, estimator: str) -> None:
    one = summaries.tiny_trainer(tmp_path, estimator=estimator)
    one.fit()
    for found in facts(folder, f"summaries {estimator}"):
        assert found["progress"] == progress_of(one)
    two = weights(folder, f"summaries {estimator}")
    for key, value in weights_of(one).items():
        assert_close(two[key], value, 1e-6, key)


def test_a_signal_to_one_process_stops_both_at_the_same_step(folder: Path) -> None:
    for found in facts(folder, "stopped"):
        assert (found["reason"], found["signal"]) == ("signal", 15)
        assert found["progress"]["step"] == 6
    assert [path.name for path in (folder / "stopped").iterdir() if path.name == "step_00000006"]


def test_two_resumed_processes_are_uninterrupted_ones(folder: Path) -> None:
    whole, resumed = facts(folder, "whole"), facts(folder, "resumed")
    assert [f["begun"] for f in resumed] == [6, 6]
    assert [f["progress"] for f in resumed] == [f["progress"] for f in whole]
    assert_same_bits(weights(folder, "resumed"), weights(folder, "whole"))


def test_every_step_and_process_draws_its_own_dropout(folder: Path) -> None:
    first, second = (found["seeds"] for found in facts(folder, "whole"))
    assert len(first) == len(second) == 8 and len(set(first + second)) == 16


def test_the_main_process_alone_judges(folder: Path) -> None:
    first, second = facts(folder, "scores")
    assert first["progress"]["best_step"] == 8 and first["progress"]["best_score"] == 8.0
    assert second["progress"] == first["progress"]


def test_a_batch_smaller_than_the_processes_is_left_out_by_both(folder: Path) -> None:
    for found in facts(folder, "small"):
        assert found["progress"]["step"] == 6 == found["total"]
    weights(folder, "small")


def test_nan_in_one_process_stops_both_and_is_not_saved(folder: Path) -> None:
    for found in facts(folder, "nan"):
        assert "vae/J_mul_c became nan at step 3" in found["message"]
    steps = sorted(path.name for path in (folder / "nan").iterdir())
    assert steps == ["step_00000001", "step_00000002"]
