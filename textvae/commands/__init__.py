"""The subcommands: their names, and what each is for. Imports none of them, so that `--help` is instant."""

from __future__ import annotations

from importlib import import_module
from typing import Any

COMMANDS = {
    "train": "train a model (all options: textvae train --help)",
    "transfer": "rewrite sentences in another style",
    "summarize": "shorten texts",
    "generate": "write new sentences from the latent space",
    "interpolate": "sentences on the way from one to another",
    "arithmetic": "add and take away what sentences mean",
    "encode": "vectors of sentences, to npz or Arrow",
    "nearest": "the nearest sentences of a corpus",
    "compress": "make a file of text small under a model",
    "decompress": "give a compressed file back",
    "detect": "find the lines that do not belong",
    "parse": "put sentences in brackets, by a grammar learnt from sentences",
    "evaluate": "score a run, or any system's outputs",
    "sweep": "score a grid of decoding options or trainings; draw accuracy against BLEU",
    "fit-scorers": "make what reranking and retrieval need of a run",
    "fit-judge": "fit a judge of rewritings to marks of readers",
    "back-translate": "rewrite the training sentences for a training that translates back",
    "fit-prior": "fit a prior to the vectors of a trained model, to draw from",
    "runs": "list trainings: state, best score, age, size",
    "compare": "how runs differ in configuration and metrics",
    "report": "a page about runs: curves, maps, tables, examples",
    "demo": "try models in a browser",
    "export": "copy what is needed to use a model",
    "data": "download data sets, check your own",
    "models": "list models, download pretrained ones",
    "completion": "a script that lets the shell complete commands and options",
}


def command_module(name: str) -> Any:
    """The module of a subcommand, imported when it is needed."""
    return import_module(f"textvae.commands.{name.replace('-', '_')}")
