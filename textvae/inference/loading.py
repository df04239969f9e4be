"""From a run folder to a model, its tokenizer and its way of preparing text. Nothing in it is executed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
import yaml
from safetensors import SafetensorError
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from textvae.checkpoint import recover
from textvae.errors import UserError
from textvae.modules.transformers_parts import silent
from textvae.registry import MODELS, resolve
from textvae.shipped import folder_of, shipped
from textvae.text import TextConfig
from textvae.tokenization import load_tokenizer

Model = TypeVar("Model", bound=PreTrainedModel)

PREFERRED = ("best", "last")
"""Model folders inside a run, the first that exists."""


@dataclass(frozen=True)
class Loaded(Generic[Model]):
    """A model in eval mode with what belongs to it."""

    model: Model
    tokenizer: PreTrainedTokenizerFast
    text: TextConfig
    folder: Path


def find_device(name: str | torch.device | None) -> torch.device:
    """The device named, or a GPU if there is one; UserError where it is not there."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).split("\n")[0]
        raise UserError(f"device {name} cannot be used here: {reason}") from error
    return device


def load(path: str | Path, device: torch.device, kind: type[Model]) -> Loaded[Model]:
    """Read a run folder, or a model folder inside one, with a model of class `kind`.

    Raises UserError where something is missing, damaged, of another kind, or would have to be unpickled.
    """
    model_folder, run = locate(Path(path))
    tokenizer = load_tokenizer(run / "tokenizer")
    model = read_model(model_folder, kind)
    words = model.config.vocab_size - getattr(model.config, "slots", 0)  # slots follow the words of the tokenizer
    if len(tokenizer) != words:
        raise UserError(
            f"{run / 'tokenizer'} has {len(tokenizer)} tokens and {model_folder} {words}: they do not belong to one run"
        )
    model.eval().to(device)  # type: ignore[arg-type]
    return Loaded(model, tokenizer, read_text_config(run / "config.yaml"), model_folder)


def locate(path: Path) -> tuple[Path, Path]:
    """The model folder and the run folder (the nearest one upwards with a tokenizer) that `path` means."""
    if str(path) in shipped() and not _holds_model(path):
        path = folder_of(str(path))
    if not path.is_dir():
        raise UserError(
            f"{path} is not a folder; give a run directory as `textvae train` leaves it"
            + (f", or the name of a model that comes with textvae: {', '.join(shipped())}" if shipped() else "")
        )
    for name in PREFERRED:
        recover(path / name)
    model = next((f for f in (path, *(path / name for name in PREFERRED)) if (f / "config.json").is_file()), None)
    if model is None:
        raise UserError(f"{path} holds no trained model: neither config.json nor best/config.json is there")
    model = model.resolve()
    run = next((f for f in (model, *list(model.parents)[:3]) if (f / "tokenizer").is_dir()), None)
    if run is None:
        raise UserError(f"{model}: no tokenizer/ beside it or above it; copy the whole run directory")
    return model, run


def _holds_model(path: Path) -> bool:
    """Whether a folder is a run or a model: one that a user has called like a shipped model may be neither."""
    return any((path / name / "config.json").is_file() for name in ("", *PREFERRED, *(f".{n}.old" for n in PREFERRED)))


def read_model(folder: Path, wanted: type[Model]) -> Model:
    """The weights of a folder written by `save_pretrained`."""
    kind = model_type(folder)
    if model_class(folder) is not wanted:
        raise UserError(f"{folder} holds a model of another kind: it {MODELS[kind].purpose}")
    if not list(folder.glob("*.safetensors")):
        raise UserError(f"{folder} has no *.safetensors; weights in other formats (pickle) are never loaded")
    try:
        with silent():
            loaded: Any = wanted.from_pretrained(  # typed as the model alone
                folder, use_safetensors=True, local_files_only=True, output_loading_info=True
            )
    except UserError:
        raise
    except (SafetensorError, OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
        raise UserError(f"{folder} cannot be loaded, it is damaged or of another version: {error}") from error
    model: Model = loaded[0].float()  # shipped models have 16-bit weights
    report: dict[str, set[str]] = loaded[1]
    wrong = {name: sorted(report[name]) for name in ("missing_keys", "unexpected_keys") if report[name]}
    if wrong:
        raise UserError(f"{folder}: the weights do not fit config.json: {wrong}")
    if not all(bool(p.isfinite().all()) for p in model.parameters()):
        raise UserError(f"{folder}: weights are NaN or infinite; the training diverged")
    return model


def model_type(folder: Path) -> str:
    """What config.json calls the model of a folder: a row of `MODELS`."""
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (ValueError, OSError, AttributeError) as error:
        raise UserError(f"{folder / 'config.json'} cannot be read: {error}") from error
    if kind not in MODELS:
        raise UserError(f"{folder / 'config.json'}: model_type {kind!r} is not one of {sorted(MODELS)}")
    return str(kind)


def model_class(folder: Path) -> type[PreTrainedModel]:
    """The class of the model in a folder."""
    found: type[PreTrainedModel] = resolve(MODELS[model_type(folder)].model)
    return found


def read_text_config(path: Path) -> TextConfig:
    """The `text:` section of a run's config.yaml; a model without one was trained with the defaults."""
    if not path.is_file():
        return TextConfig()
    try:
        values: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TextConfig(**(values.get("text") or {}))
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise UserError(f"{path}: no valid `text:` section: {error}") from error
