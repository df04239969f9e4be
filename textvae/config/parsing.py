"""The whole of an experiment as one typed configuration, from YAML and command line."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import jsonargparse
import yaml
from jsonargparse import ArgumentParser

from textvae.data.config import DataConfig
from textvae.data.noise import NoiseConfig
from textvae.errors import UserError
from textvae.evaluation.config import SelectionConfig
from textvae.files import atomic_write
from textvae.models.configuration import ModelConfig
from textvae.objectives.style_content import ObjectivesConfig
from textvae.text import TextConfig
from textvae.tokenization.config import TokenizerConfig
from textvae.tokenization.style_words import StyleWordsConfig
from textvae.training.config import TrainingConfig


@dataclass
class ExperimentConfig:
    """Everything that decides a training. The defaults are the recommended settings for short reviews."""

    run: str = "runs/yelp"
    """Run directory: configuration, tokenizer, checkpoints, metrics, best model."""
    cache: str | None = None
    """Folder of prepared data. Default: $XDG_CACHE_HOME/textvae, or ~/.cache/textvae."""
    data: DataConfig = field(default_factory=DataConfig)
    """Where the sentences come from."""
    text: TextConfig = field(default_factory=TextConfig)
    """How raw text becomes words."""
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    """How words become ids."""
    style_words: StyleWordsConfig = field(default_factory=StyleWordsConfig)
    """Which words tell the style and so are no content words."""
    stop_words: str | None = None
    """File of stop words, one a line. Default: an English list without its negations."""
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    """What is done to the input in training."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """The networks."""
    objectives: ObjectivesConfig = field(default_factory=ObjectivesConfig)
    """Weights and schedules of every J."""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    """The loop."""
    selection: SelectionConfig = field(default_factory=SelectionConfig)
    """How the best model is chosen on dev."""


def make_parser(default_config: Path | None = None, prog: str = "train.py") -> ArgumentParser:
    """Command line of a training: `--config FILE`, a dotted option for every field, `--print_config`."""
    jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = ArgumentParser(
        prog=prog,
        description="Train a style-content autoencoder. Every value of the configuration is an option.",
        default_config_files=[str(default_config)] if default_config and default_config.exists() else [],
    )
    parser.add_argument("--config", action="config", help="YAML file; later options and files win")
    parser.add_argument("--resume", action="store_true", help="continue the run from its newest intact checkpoint")
    parser.add_argument("--overwrite", action="store_true", help="delete a run of the same name and start again")
    parser.add_argument("--quiet", action="store_true", help="no progress, only errors")
    parser.add_class_arguments(ExperimentConfig)
    return parser


def parse(argv: list[str], default_config: Path | None = None, prog: str = "train.py") -> tuple[ExperimentConfig, Any]:
    """Arguments to the configuration and the flags resume, overwrite and quiet.

    The default configuration counts only where no `--config` is given, and its label names only for its own data. A
    resumed run goes on with the configuration in its own directory. Options win over all of them.
    """

    def given(*names: str) -> bool:
        return any(a == name or a.startswith(f"{name}=") for a in argv for name in names)

    if given("--config"):
        default_config = None
    elif default_config and given("--data.name", "--data.source") and not given("--data.labels"):
        argv = [*argv, "--data.labels=null"]
    parser = make_parser(default_config, prog)
    argv = ["--print_config=comments" if a == "--print_config" else a for a in argv]
    namespace = parser.parse_args(argv)
    own = Path(namespace.run) / "config.yaml"
    if namespace.resume and own.exists():
        namespace = parser.parse_args(["--config", str(own), *argv])
    return from_namespace(parser, namespace), namespace


def from_namespace(parser: ArgumentParser, namespace: Any) -> ExperimentConfig:
    """The typed configuration of parsed options."""
    built = parser.instantiate_classes(namespace)
    return ExperimentConfig(**{name: getattr(built, name) for name in ExperimentConfig.__dataclass_fields__})


def to_yaml(config: ExperimentConfig) -> str:
    """The resolved configuration, loadable with `--config`."""
    return yaml.safe_dump(_plain(asdict(config)), sort_keys=False, allow_unicode=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def save_config(config: ExperimentConfig, path: Path) -> None:
    """Write config.yaml, whole or not at all."""
    with atomic_write(path) as handle:
        handle.write(to_yaml(config))


def load_config(path: Path) -> ExperimentConfig:
    """Read the config.yaml of a run."""
    if not path.exists():
        raise UserError(f"{path} is missing: is {path.parent} a run directory of textvae?")
    parser = make_parser()
    return from_namespace(parser, parser.parse_object(yaml.safe_load(path.read_text(encoding="utf-8"))))
