"""Every configuration that ships can be loaded, and comes back from its own YAML."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import ROOT

from textvae.config import load_config, parse, save_config

CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_every_yaml_loads_and_survives_a_round_trip(path: Path, tmp_path: Path) -> None:
    config, _ = parse(["--config", str(path)])
    save_config(config, tmp_path / "config.yaml")
    assert load_config(tmp_path / "config.yaml") == config


def test_without_arguments_the_default_configuration_counts() -> None:
    config, flags = parse([], ROOT / "configs" / "yelp" / "style_content_vae.yaml")
    assert config.run == "runs/yelp" and config.model.hide_style_words and not flags.resume


def test_later_files_and_options_win() -> None:
    paper, dae = (ROOT / "configs" / "yelp" / f"paper_{name}.yaml" for name in ("vae", "dae"))
    config, _ = parse(["--config", str(paper), "--config", str(dae), "--training.epochs", "3"])
    assert config.model.content.kind == "deterministic" and config.objectives.J_kl_c.weight == 0.0
    assert config.objectives.J_mul_s.weight == 10.0 and config.training.epochs == 3


def test_an_unknown_key_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.yaml").write_text("training: {epoch: 3}\n")
    with pytest.raises(SystemExit) as stop:
        parse(["--config", str(tmp_path / "c.yaml")])
    assert stop.value.code == 2 and "epoch" in capsys.readouterr().err


def test_a_resumed_run_keeps_its_own_configuration(tmp_path: Path) -> None:
    config, _ = parse(["--run", str(tmp_path), "--training.epochs", "3", "--model.content.size", "17"])
    save_config(config, tmp_path / "config.yaml")
    resumed, flags = parse(["--run", str(tmp_path), "--resume", "--training.epochs", "5"])
    assert flags.resume and resumed.model.content.size == 17 and resumed.training.epochs == 5


def test_the_default_configuration_steps_back_for_another_one_and_its_labels_for_other_data() -> None:
    default = ROOT / "configs" / "yelp" / "style_content_vae.yaml"
    alone, _ = parse(["--data.path", "elsewhere"], default)
    assert alone.data.labels == {"0": "negative", "1": "positive"} and alone.model.hide_style_words
    toy, _ = parse(["--config", str(ROOT / "configs" / "toy" / "test.yaml")], default)
    assert toy.data.labels is None and not toy.model.hide_style_words
    own, _ = parse(["--data.path", "mine", "--data.name", "reviews"], default)
    assert own.data.labels is None and own.model.hide_style_words
