"""What commit 9f9375f wrote is read, resumed and reproduced: checkpoints, models, files, numbers, command lines.

Floats are compared bit for bit on the machine that wrote them, and to a tolerance elsewhere.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from tests.contract import observe
from tests.contract.observe import CODED, LATENTS, TASKS, WRITTEN


def written(name: str) -> Any:
    """A file of the contract."""
    return json.loads((WRITTEN / f"{name}.json").read_text(encoding="utf-8"))


SAME_MACHINE = observe.machine() == written("machine")["machine"]


def missing(expected: Any, found: Any, tolerance: float, place: str = "") -> list[str]:
    """Places where `found` lacks what was written. Keys may be added; floats may differ by `tolerance`, relative."""
    if isinstance(expected, dict) and isinstance(found, dict):
        pairs = [(found.get(key, "nothing"), value, f"{place}/{key}") for key, value in expected.items()]
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = [(new, old, f"{place}/{i}") for i, (new, old) in enumerate(zip(found, expected, strict=True))]
    elif isinstance(expected, float) and isinstance(found, float | int):
        close = math.isclose(expected, found, rel_tol=tolerance, abs_tol=tolerance / 10)
        return [] if close or math.isnan(expected) and math.isnan(found) else [f"{place}: {found}, not {expected}"]
    else:
        return [] if expected == found else [f"{place}: {found!r}, not {expected!r}"]
    return [problem for new, old, where in pairs for problem in missing(old, new, tolerance, where)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contract")


@pytest.mark.parametrize("task", TASKS)
def test_a_stored_run_goes_on_bit_for_bit(task: str, folder: Path) -> None:
    expected, found = written("resumed")[task], observe.resumed(task, folder)
    assert not missing(expected["metrics"], found["metrics"], 0.0 if SAME_MACHINE else 1e-3)
    assert expected["weights"].keys() == found["weights"].keys()
    assert not SAME_MACHINE or expected["weights"] == found["weights"]


@pytest.mark.parametrize("kind", (*LATENTS, "clamped"))
def test_a_training_begins_with_the_same_losses(kind: str, folder: Path) -> None:
    assert not missing(written("begun")[kind], observe.begun(kind, folder), 0.0 if SAME_MACHINE else 1e-3)


def test_metrics_of_each_task_keep_their_names_and_values(tmp_path: Path) -> None:
    assert not missing(written("evaluated"), observe.evaluations(tmp_path), 1e-6 if SAME_MACHINE else 1e-2)


def test_stored_outputs_score_the_same(tmp_path: Path) -> None:
    assert not missing(written("stored_outputs"), observe.stored_outputs(tmp_path), 1e-6 if SAME_MACHINE else 1e-2)


@pytest.mark.parametrize("mode", CODED)
def test_a_compressed_file_is_read(mode: str, tmp_path: Path) -> None:
    found = observe.decompressed(mode, tmp_path)
    if found != written("decompressed")[mode]:
        assert not SAME_MACHINE and "floating-point" in found, found


def masked(text: str) -> str:
    """A summary with its numbers as the models read them."""
    return re.sub(r"\d+([.,]\d+)*", "##", text)


def test_the_models_that_come_along_write_the_same() -> None:
    expected = written("outputs")
    assert observe.transferred() == expected["yelp"]
    for name in ("news", "reuters"):
        found = observe.summarized(name)  # numbers of the document now come back where `##` stood
        same = [masked(text) == masked(stored) for text, stored in zip(found, expected[name], strict=True)]
        assert sum(same) >= len(same) - 1  # of one the length is chosen otherwise: six words instead of eleven


def test_fingerprints_of_the_samples(tmp_path: Path) -> None:
    assert observe.fingerprints(tmp_path) == written("fingerprints")


def test_no_option_is_lost() -> None:
    found = observe.options()
    lost = {name: set(options) - set(found.get(name, ())) for name, options in written("options").items()}
    assert not {name: options for name, options in lost.items() if options}


def test_exit_codes(tmp_path: Path) -> None:
    expected = written("exit_codes")
    assert observe.exit_codes(tmp_path, list(expected)) == expected


def test_public_names() -> None:
    assert set(written("public_names")["textvae"]) <= set(observe.public_names())


def test_differences_are_seen() -> None:
    """The comparison itself: a lost key, another float, a shorter list."""
    old = {"a": 1.0, "b": [1, 2]}
    assert not missing(old, {"a": 1.0 + 1e-9, "b": [1, 2], "c": 3}, 1e-6)
    for new in ({"b": [1, 2]}, {"a": 1.1, "b": [1, 2]}, {"a": 1.0, "b": [1]}):
        assert len(missing(old, new, 1e-6)) == 1
