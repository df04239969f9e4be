"""`generate`, `interpolate`, `arithmetic`, `encode`, `nearest`: what they write, and what is wrong input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from random_run import SENTENCES, make_run

from textvae.commands import command_module
from textvae.inference.latents.space import LatentSpace
from textvae.inference.latents.vector_files import read_vectors

from .conftest import FakeStdin

Use = Callable[..., tuple[int, str, str]]
TEXT = "".join(f"{line}\n" for line in SENTENCES[:60])


@pytest.fixture
def use(run: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Use:
    """`use(command, *arguments, stdin="")` to exit code, output and messages; the run is put in."""

    def call(command: str, *arguments: object, stdin: str = "", model: Path = run) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", FakeStdin(stdin.encode()))
        words = [str(a) for a in arguments]
        at = 1 if command == "detect" else 0
        code = command_module(command).main([*words[:at], str(model), *words[at:]], prog=f"textvae {command}")
        captured = capsysbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return call


@pytest.fixture(scope="module")
def space(run: Path) -> LatentSpace:
    return LatentSpace.from_pretrained(run, device="cpu", precision="fp32")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "corpus.txt").write_text(TEXT)
    return tmp_path / "corpus.txt"


def test_generate(use: Use, space: LatentSpace, tmp_path: Path, corpus: Path) -> None:
    fp32 = ("--precision", "fp32")
    code, out, err = use("generate", "--count", 5, "--seed", 3, *fp32)
    assert (code, err) == (0, "") and out.splitlines() == list(space.generate(5, seed=3))
    code, out, _ = use("generate", "-n", 4, "--label", "mixed", "--sample", "--temperature", 0.5, "--json", *fp32)
    rows = [json.loads(line) for line in out.splitlines()]
    assert [r["number"] for r in rows] == [0, 1, 2, 3]
    assert [r["candidates"][0]["text"] for r in rows] == list(space.generate(4, "mixed", sample=True, temperature=0.5))
    assert use("generate", "--like", "the food was good .", "--noise", 2, "-o", tmp_path / "new" / "out.txt")[:2] == (
        0,
        "",
    )
    assert len((tmp_path / "new" / "out.txt").read_text().splitlines()) == 10
    assert use("generate", "--corpus", corpus, "-n", 3, "--beam", 3, "--num-candidates", 2)[1].count("\t") == 3


def test_interpolate(use: Use, space: LatentSpace) -> None:
    a, b = SENTENCES[1], SENTENCES[400]
    code, out, _ = use("interpolate", a, b, "--steps", 4, "--way", "slerp", "--precision", "fp32")
    assert code == 0 and out.splitlines() == space.interpolate(a, b, 4, "slerp")
    rows = [json.loads(line) for line in use("interpolate", a, b, "--steps", 3, "--json")[1].splitlines()]
    assert [row["share"] for row in rows] == [0, 0.5, 1]


def test_arithmetic(use: Use, space: LatentSpace) -> None:
    group = ("--plus", SENTENCES[3], SENTENCES[9], "--minus", SENTENCES[500], "--scale", 2, "--precision", "fp32")
    wanted = [space.arithmetic(s, [SENTENCES[3], SENTENCES[9]], [SENTENCES[500]], 2) for s in SENTENCES[:3]]
    assert use("arithmetic", *group, "--", *SENTENCES[:3])[:2] == (0, "".join(f"{w}\n" for w in wanted))
    assert use("arithmetic", *group, stdin="\n".join(SENTENCES[:3]))[1].splitlines() == wanted


@pytest.mark.parametrize("suffix", ["npz", "arrow"])
def test_encode_and_nearest(use: Use, space: LatentSpace, corpus: Path, tmp_path: Path, suffix: str) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"{i % 3}\n" for i in range(60)))
    vectors = tmp_path / f"vectors.{suffix}"
    assert use("encode", corpus, "--output", vectors, "--labels", labels) == (0, "", "")
    source, rows = read_vectors(vectors)
    found = list(rows)
    assert source.model == space.fingerprint and sum(len(r.texts) for r in found) == 60
    np.testing.assert_allclose(np.concatenate([r.vectors for r in found]), space.encode(SENTENCES[:60]), atol=1e-5)
    code, out, _ = use("nearest", "--corpus", vectors, "--count", 3, SENTENCES[7])
    first = out.splitlines()[0].split("\t")
    assert code == 0 and first == ["1.0000", "8", SENTENCES[7]] and len(out.splitlines()) == 3
    assert use("nearest", "--corpus", corpus, "--count", 3, SENTENCES[7])[1] == out
    piped = use("nearest", "--corpus", vectors, "--json", "--metric", "l2", stdin="\n".join(SENTENCES[7:9]))[1]
    rows_out = [json.loads(line) for line in piped.splitlines()]
    assert [r["neighbours"][0]["label"] for r in rows_out] == ["1", "2"]
    assert all(abs(r["neighbours"][0]["score"]) < 1e-2 for r in rows_out)
    assert use("encode", corpus, "-o", vectors, "--part", "style")[0] == 0
    assert use("nearest", "--corpus", vectors, "--part", "style", "-n", 1, "good")[0] == 0


def test_detect(use: Use, tmp_path: Path, corpus: Path) -> None:
    clean, labels, folder = tmp_path / "clean.txt", tmp_path / "labels.txt", tmp_path / "detector"
    clean.write_text("\n".join(SENTENCES[::3]))
    code, out, _ = use("detect", "fit", "--clean", clean, "--detector", folder)
    assert code == 0 and "knn" in out and (folder / "detector.json").is_file()
    labels.write_text("0\n1\n" * 30)
    code, out, err = use("detect", "score", corpus, "--detector", folder, "--labels", labels, "--score", "mahalanobis")
    rows = [line.split("\t") for line in out.splitlines()]
    assert code == 0 and [r[3] for r in rows] == SENTENCES[:60] and {r[0] for r in rows} <= {"0", "1"}
    assert "AUROC" in err and err.count("\n") == 7
    code, out, err = use("detect", "score", "--detector", folder, "--json", stdin="good\n\nzebra\n")
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and err == "" and [f["input"] for f in found] == ["good", "", "zebra"]
    assert set(found[0]["scores"]) == {"nll", "elbo", "kl", "mahalanobis", "knn", "ratio"}
    labels.write_text("0\n1\n")
    target = tmp_path / "out.tsv"
    code, _, err = use("detect", "score", corpus, "--detector", folder, "--labels", labels, "-o", target)
    assert code == 2 and "give one a line" in err and not target.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate", "--label", "none"], "unknown label"),
        (["generate", "--noise", "1"], "give both"),
        (["generate", "--corpus", "/nowhere"], "no such file"),
        (["generate", "--beam", "2", "--sample"], "exclude each other"),
        (["interpolate", "a", "b", "--steps", "1"], "at least 2"),
        (["arithmetic", "a"], "plus"),
        (["encode", "/nowhere", "-o", "x.npz"], "no such file"),
        (["encode", "-", "-o", "x.csv"], ".npz or .arrow"),
        (["encode", "-", "-o", "x.npz", "--part", "y"], "this model has"),
        (["nearest", "--corpus", "/nowhere", "a"], "no such file"),
        (["detect", "score", "-", "--detector", "/nowhere"], "textvae detect fit"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_wrong_input(use: Use, arguments: list[str], message: str) -> None:
    code, out, err = use(*arguments)
    assert (code, out) == (2, "") and message in err and err.startswith(f"textvae {arguments[0]}: ")


def test_a_model_that_looks_back(use: Use, tmp_path: Path) -> None:
    model = make_run(tmp_path / "run", memory="full")
    for command, *arguments in (["generate"], ["interpolate", "a", "b"], ["arithmetic", "--plus", "a", "--", "b"]):
        code, _, err = use(command, *arguments, model=model)
        assert code == 2 and "memory.kind none" in err
    assert use("encode", "-", "-o", tmp_path / "v.npz", stdin=TEXT, model=model)[0] == 0


def test_vectors_of_another_model(use: Use, tmp_path: Path, corpus: Path) -> None:
    model = make_run(tmp_path / "run", decoder="lstm")
    assert use("encode", corpus, "-o", tmp_path / "v.arrow", model=model)[0] == 0
    code, _, err = use("nearest", "--corpus", tmp_path / "v.arrow", "a")
    assert code == 2 and "another model" in err
