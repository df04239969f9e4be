"""`textvae export`: the part of a run that is needed to use its model, small enough to be handed on."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from textvae.volume import add_volume, note, set_volume

DESCRIPTION = """\
Copy what is needed to use the model of a run: the best model with its card, its scorers (of
`textvae fit-scorers`) and its fitted prior (of `textvae fit-prior`), the tokenizer and how text is
prepared. Weights are stored in 16 bits, without the head that only the training reads, unless --full is
given. The folder can be used in the place of the run; checkpoints, metrics and data stay where they are."""

EPILOG = """\
exit codes:
  0  done       2  wrong input: no run, a folder that exists, an unknown setting

examples:
  textvae export runs/news my-summarizer
  textvae export runs/news my-summarizer --set words=12 --set choose_length=true
  textvae export runs/yelp my-style --set rerank=true"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("folder", type=Path, help="new folder")
    parser.add_argument("--full", action="store_true", help="keep 32-bit weights")
    parser.add_argument(
        "--index", action="store_true", help="style transfer: copy the sentences to retrieve from too, which is large"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="how is written where nobody says otherwise; summarizers: fields of `decoding`, style: strength, rerank",
    )
    add_volume(parser)
    return parser


def main(argv: list[str], prog: str = "textvae export") -> int:
    """Exit code 0; UserError where the run or the folder is wrong."""
    args = make_parser(prog).parse_args(argv)
    set_volume(args)
    export(args.run, args.folder, args.full, args.set, args.index)
    note(f"exported to {args.folder}")
    return 0


def export(run: Path, folder: Path, full: bool, settings: list[str], index: bool = False) -> None:
    """Write `folder`, whole or not at all."""
    import torch
    import yaml

    from textvae.checkpoint import new_folder
    from textvae.errors import UserError
    from textvae.files import atomic_write
    from textvae.inference.latents.fitted import FOLDER as PRIOR
    from textvae.inference.loading import find_device, load, locate, model_class
    from textvae.inference.scorers import FOLDER

    if folder.exists():
        raise UserError(f"{folder} exists; give a new folder")
    source, home = locate(run)
    loaded = load(run, find_device("cpu"), model_class(source))
    model: Any = loaded.model
    if settings:
        model.config.update(changed(model.config, settings, (source / FOLDER / "reranking.json").is_file()))
    if not full and hasattr(model, "drop_training_heads"):
        model.drop_training_heads()
    with new_folder(folder) as target:
        (model if full else model.to(torch.float16)).save_pretrained(target / "best")
        shutil.copytree(home / "tokenizer", target / "tokenizer")
        if (source / FOLDER / "reranking.json").is_file():
            copy_scorers(source / FOLDER, target / "best" / FOLDER, model.config, half=not full, index=index)
        if (source / PRIOR).is_dir():
            shutil.copytree(source / PRIOR, target / "best" / PRIOR)
        if (source / "README.md").exists():
            shutil.copyfile(source / "README.md", target / "best" / "README.md")
        with atomic_write(target / "config.yaml") as handle:  # all of it that a model needs; no paths of this machine
            yaml.safe_dump({"text": asdict(loaded.text)}, handle)
        for path in target.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)


def copy_scorers(source: Path, target: Path, config: Any, half: bool, index: bool) -> None:
    """Classifier, language model, phrases, judge and weights of reranking; the index too if it is wanted and there."""
    from textvae.inference.acceptance import NAME as ACCEPTANCE
    from textvae.inference.phrase_table import FILE as PHRASES
    from textvae.inference.retrieval import FILE
    from textvae.inference.scorers import Scorers

    labels = config.attribute_part()
    Scorers.load(source, config.vocab_size, labels).save(target, labels, half)
    if (source / PHRASES).is_file():
        shutil.copyfile(source / PHRASES, target / PHRASES)
    if index and (source / FILE).is_file():
        shutil.copyfile(source / FILE, target / FILE)
    for path in source.glob(f"{ACCEPTANCE}.*"):
        shutil.copyfile(path, target / path.name)


def changed(config: Any, settings: list[str], scorers: bool) -> dict[str, Any]:
    """What NAME=VALUE changes in a model's configuration; scorers: whether it has what reranking needs."""
    import yaml

    given = {name: yaml.safe_load(value) for name, _, value in (s.partition("=") for s in settings)}
    if hasattr(config, "decoding"):
        return {"decoding": decoding(config.decoding or {}, given)}
    return style_decoding(given, scorers)


def style_decoding(given: dict[str, Any], scorers: bool) -> dict[str, Any]:
    """Strength and reranking of a style transfer."""
    from textvae.errors import UserError
    from textvae.inference.options import TransferOptions

    check_known(given, ("strength", "rerank"))
    TransferOptions(**given)
    if given.get("rerank") and not scorers:
        raise UserError("--set rerank=true: the run has no scorers; make them with `textvae fit-scorers RUN`")
    return {f"transfer_{name}": value for name, value in given.items()}


def decoding(stored: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The decoding stored with a summarizer, changed."""
    from textvae.inference.config import SummaryDecodingConfig
    from textvae.inference.summary_options import SummaryOptions

    check_known(given, SummaryDecodingConfig.__dataclass_fields__)
    merged = {**stored, **given}
    SummaryOptions(**merged)
    return merged


def check_known(given: dict[str, Any], known: Iterable[str]) -> None:
    """Refuse settings that a model of this kind does not have."""
    from textvae.errors import UserError

    if unknown := sorted(given.keys() - set(known)):
        raise UserError(f"--set {unknown[0]}: no such setting; there are {', '.join(known)}")
