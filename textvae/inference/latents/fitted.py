"""A fitted prior beside its model: MODEL/prior/prior.{json,safetensors}, as `textvae fit-prior` writes it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from textvae.checkpoint import new_folder
from textvae.errors import UserError
from textvae.files import write_json
from textvae.inference.latents.model import LatentModel
from textvae.inference.scorers import read_json
from textvae.modules.fitted_prior import FittedPrior, FittedPriorShape

FOLDER = "prior"
"""Its name inside a model folder, so that a better model does not inherit it."""
COMMAND = "textvae fit-prior RUN"


@dataclass(frozen=True)
class Fitted:
    """A prior of one space of a model. part: the space. facts: how it was fitted, and what it is worth."""

    prior: FittedPrior
    part: str
    facts: dict[str, Any] = field(default_factory=dict)


def save_fitted(folder: Path, fitted: Fitted) -> Path:
    """Write it into a model folder, whole or not at all; returns where."""
    with new_folder(folder / FOLDER) as target:
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in fitted.prior.state_dict().items()}
        save_file(tensors, target / "prior.safetensors", metadata={"format": "pt"})
        write_json(
            target / "prior.json", {"part": fitted.part, "shape": asdict(fitted.prior.shape), "facts": fitted.facts}
        )
    return folder / FOLDER


def load_fitted(folder: Path, model: LatentModel) -> Fitted:
    """The prior beside a model; UserError where there is none, or where it is damaged or of another model."""
    target = folder / FOLDER
    if not (target / "prior.json").is_file():
        raise UserError(f"{folder} has no fitted prior; {COMMAND} makes one")
    try:
        found = read_json(target / "prior.json")
        part, shape = str(found["part"]), FittedPriorShape(**found["shape"])
        shape = replace(shape, attributes=tuple(shape.attributes))
        with torch.random.fork_rng(devices=[]):  # building draws initial weights, which must not move people's seeds
            prior = FittedPrior(shape)
        prior.load_state_dict(load_file(target / "prior.safetensors"))
        if not all(bool(tensor.isfinite().all()) for tensor in prior.state_dict().values()):
            raise ValueError("it has numbers that are NaN or infinite")
    except UserError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"{target} cannot be read, it is damaged or of another version ({error}); {COMMAND} makes it anew"
        ) from error
    known = not shape.labels or shape.groups == model.groups
    if part not in model.spaces or model.spaces[part].size != shape.size or not known:
        raise UserError(
            f"{target} is of another model: it has {shape.size} numbers of {part!r}; {COMMAND} makes it anew"
        )
    return Fitted(prior.eval().to(model.device), part, found["facts"])
