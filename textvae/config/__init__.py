"""Configurations: one class a task, from YAML and command line."""

from __future__ import annotations

from textvae.config.documents import DocumentExperimentConfig
from textvae.config.parsing import TASKS, Config, from_namespace, load_config, make_parser, parse, save_config, to_yaml
from textvae.config.sentence_vae import SentenceExperimentConfig
from textvae.config.style_transfer import ExperimentConfig
from textvae.config.summarization import SummarizationConfig
from textvae.config.trees import TreeExperimentConfig

__all__ = [
    "TASKS",
    "Config",
    "DocumentExperimentConfig",
    "ExperimentConfig",
    "SentenceExperimentConfig",
    "SummarizationConfig",
    "TreeExperimentConfig",
    "from_namespace",
    "load_config",
    "make_parser",
    "parse",
    "save_config",
    "to_yaml",
]
