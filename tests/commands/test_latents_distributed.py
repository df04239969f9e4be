"""`textvae generate` and `textvae encode` on two real processes: the output is that of one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from random_run import SENTENCES

from textvae.commands import encode, generate
from textvae.inference.latents.vector_files import read_vectors

from .conftest import first_of_two, torchrun


@pytest.mark.slow
def test_two_processes_generate_what_one_does(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = [run, "--count", 9, "--seed", 5, "--precision", "fp32", "--json", "--sample", "--num-candidates", 2]
    result = torchrun(tmp_path, "generate", *options, "--output", out / "two.jsonl")
    assert result.returncode == 0, result.stderr
    assert generate.main([str(o) for o in (*options, "--output", out / "one.jsonl")]) == 0
    two, one = ([json.loads(line) for line in (out / f"{n}.jsonl").read_text().splitlines()] for n in ("two", "one"))
    assert [row["number"] for row in two] == list(range(9))
    assert [[c["text"] for c in row["candidates"]] for row in two] == [
        [c["text"] for c in row["candidates"]] for row in one
    ]
    assert sorted(os.listdir(out)) == ["one.jsonl", "two.jsonl"], "parts were left"


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".arrow", ".npz"])
def test_two_processes_encode_what_one_does(run: Path, tmp_path: Path, suffix: str) -> None:
    texts, labels, out = tmp_path / "texts.txt", tmp_path / "labels.txt", tmp_path / "out"
    lines = [*SENTENCES[::5], "", "Good! And bad."]
    texts.write_text("\n".join(lines))  # no line feed at the end
    labels.write_text("".join(f"{i % 3}\n" for i in range(len(lines))))
    options = [run, texts, "--labels", labels, "--precision", "fp32"]
    result = torchrun(tmp_path, "encode", *options, "--output", out / f"two{suffix}")
    assert result.returncode == 0, result.stderr
    assert encode.main([str(o) for o in (*options, "--output", out / f"one{suffix}")]) == 0
    (two_source, two), (one_source, one) = (read_vectors(out / f"{name}{suffix}") for name in ("two", "one"))
    assert two_source == one_source
    found, expected = list(two), list(one)
    assert [t for rows in found for t in rows.texts] == [t for rows in expected for t in rows.texts] == lines
    assert [y for rows in found for y in rows.labels or []] == [str(i % 3) for i in range(len(lines))]
    vectors = [np.concatenate([rows.vectors for rows in every]) for every in (found, expected)]
    np.testing.assert_allclose(*vectors, atol=1e-5)
    assert sorted(os.listdir(out)) == sorted((f"one{suffix}", f"two{suffix}")), "parts were left"


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        (generate, [], "--output"),
        (generate, ["--corpus", "-", "--output", "x"], "standard input"),
        (encode, ["--output", "x.npz"], "standard input"),
        (encode, [__file__, "--labels", __file__, "/dev/null", "--output", "x.npz"], "regular"),
        (encode, [__file__, "--labels", "one", "--output", "x.npz"], "1 labels for"),
    ],
)
def test_what_several_processes_need(
    run: Path,
    command: object,
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one").write_text("label\n")
    first_of_two(monkeypatch)
    assert command.main([str(run), *arguments]) == 2  # type: ignore[attr-defined]
    assert words in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["one"]
