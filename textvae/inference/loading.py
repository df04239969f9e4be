"""From a run folder to a model, its tokenizer and its way of preparing text. Nothing in it is executed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from textvae.checkpoint import recover
from textvae.errors import UserError
from textvae.models.saved import silent
from textvae.registry import MODELS, folder_of, resolve, shipped
from textvae.text import TextConfig
from textvae.tokenization.pretrained import load_tokenizer

Precision = Literal["auto", "fp32", "bf16"]


def computes_bf16(device: torch.device) -> bool:
    """Whether the processor has bf16 products; where it only emulates them they cost more than fp32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return device.type == "cpu" and any(getattr(torch.cpu, name, bool)() for name in checks)


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """The context to compute in; weights are cast once per context, not once per step."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=autocasts(device, precision))


def autocasts(device: torch.device, precision: Precision) -> bool:
    """Whether products are computed in bf16."""
    return precision == "bf16" or (precision == "auto" and computes_bf16(device))


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
    model: Any = read_model(model_folder, kind)
    if getattr(model, "base_names", ()):
        from textvae.models.pretrained import load_weights  # a second of imports that other models spare

        load_weights(model, tokenizer)
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
            model, wrong = read_partly(folder, wanted) if leaves_base_out(folder) else read_whole(folder, wanted)
    except UserError:
        raise
    except (SafetensorError, OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
        raise UserError(f"{folder} cannot be loaded, it is damaged or of another version: {error}") from error
    if wrong:
        raise UserError(f"{folder}: the weights do not fit config.json: {wrong}")
    read = [p for name, p in model.named_parameters() if name not in getattr(model, "base_names", ())]
    if not all(bool(p.isfinite().all()) for p in read):
        raise UserError(f"{folder}: weights are NaN or infinite; the training diverged")
    return model


def leaves_base_out(folder: Path) -> bool:
    """Whether the folder lacks the weights of pretrained networks that its model needs."""
    return json.loads((folder / "config.json").read_text(encoding="utf-8")).get("base_digest") is not None


def read_whole(folder: Path, wanted: type[Model]) -> tuple[Model, dict[str, list[str]]]:
    """A model in fp32 (shipped ones have 16-bit weights), and the keys of its file that do not fit."""
    loaded: Any = wanted.from_pretrained(  # typed as the model alone
        folder, use_safetensors=True, local_files_only=True, output_loading_info=True
    )
    report: dict[str, set[str]] = loaded[1]
    return loaded[0].float(), {n: sorted(report[n]) for n in ("missing_keys", "unexpected_keys") if report[n]}


def read_partly(folder: Path, wanted: type[Model]) -> tuple[Model, dict[str, list[str]]]:
    """The same for a model whose pretrained weights are elsewhere; they have any values until `load_weights`."""
    with torch.random.fork_rng(devices=[]):  # initial weights, which are replaced, must not move people's seeds
        config_class: Any = wanted.config_class
        model: Any = wanted(config_class.from_pretrained(folder))
    state, own = load_file(folder / "model.safetensors"), set(model.state_dict())
    wrong = {"missing_keys": sorted(own - set(state)), "unexpected_keys": sorted(set(state) - own)}
    model.load_state_dict(state, strict=False)
    return model.float().eval(), {name: keys for name, keys in wrong.items() if keys}


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
