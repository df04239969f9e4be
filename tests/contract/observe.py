"""What the code does with what an earlier version of it wrote, as JSON values.

`python tests/contract/observe.py` (with the root on PYTHONPATH) wrote `written/`, at commit 9f9375f. Those files
are the contract: a change that makes a test here fail breaks what people have on their disks. Only what is new (a task,
a command, a mode of compression) may be added.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
os.environ["ACCELERATE_USE_CPU"] = "true"

HERE = Path(__file__).parent
DATA, RECIPES, WRITTEN = HERE / "data", HERE / "recipes", HERE / "written"
TASKS = ("style_transfer", "summarization", "sentence_vae", "document_vae", "tree")
LATENTS = ("deterministic", "bottleneck", "mmd", "infomax", "batch_norm", "flow", "vq", "adversarial")
CODED = {
    "lossless": ("sentence_vae", ()),
    "uniform": ("sentence_vae", ("--lossy", "--levels", "9")),
    "mulaw": ("sentence_vae", ("--lossy", "--levels", "5", "--quantiser", "mulaw")),
    "codebook": ("vq", ("--lossy", "--quantiser", "codebook")),
}
"""Modes of a compressed file: the model, and the options."""
REVIEWS = DATA / "reviews.test.negative", DATA / "reviews.test.positive"
NEWS = HERE / "news.txt"


def machine() -> str:
    """Equal where floats are equal to the last bit: version and instructions of torch, and the processor."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    model = next((line for line in lines if line.startswith("model name")), "")
    told = f"{torch.__version__} {torch.backends.cpu.get_cpu_capability()} {model}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def command(*argv: str) -> tuple[int, str]:
    """Exit code and standard output (else error) of `textvae ...` in this process."""
    from textvae.cli import main

    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            code = main(list(argv))
        except SystemExit as stop:
            code = int(stop.code or 0)
    return code, out.buffer.getvalue().decode() or err.getvalue()


def train(run: Path, cache: Path, *options: str) -> list[dict[str, Any]]:
    """Train, or go on with, a run; returns the lines of its metrics but for times."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    code, said = command("train", "--run", str(run), "--cache", str(cache), "--quiet", *options)
    torch.set_num_threads(threads)
    assert code == 0, f"{run.name}: {said}"
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{n: v for n, v in line.items() if n != "time" and not n.endswith("_per_second")} for line in lines]


# ------------------------------------------------------------------------------------------------ trainings
def resumed(task: str, folder: Path) -> dict[str, Any]:
    """Go on with a stored run to step 5; its metrics from there, and a checksum of every file of weights."""
    from textvae.checkpoint import Checkpoints

    run = folder / task
    shutil.copytree(WRITTEN / "runs" / task, run)
    lines = train(run, folder / "cache", "--resume", "--training.max_steps", "5")[-3:]
    checkpoint = Checkpoints(run / "checkpoints").latest()
    assert checkpoint is not None and checkpoint.step == 5
    digests = {name: digest(tensors) for name, tensors in checkpoint.tensors.items()}
    return {"metrics": lines, "weights": digests}


def digest(tensors: dict[str, torch.Tensor]) -> str:
    """sha256 over names and bytes."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(name.encode() + tensors[name].contiguous().numpy().tobytes())
    return found.hexdigest()


def begun(kind: str, folder: Path) -> list[dict[str, Any]]:
    """Metrics of the first two steps of a sentence autoencoder whose latent is of some kind, or of clamped groups."""
    recipe, options = (
        "sentence_vae",
        [f"--model.latent.kind={kind}", "--model.latent.slots=2", "--training.evaluate_every=100"],
    )
    if kind == "clamped":
        recipe = "style_transfer"
        options = ["--data.group_column=group", "--clamping.shared=style", "--objectives.J_group.weight=1.0"]
    config = str(RECIPES / f"{recipe}.yaml")
    return train(folder / kind, folder / "cache", "--config", config, "--training.max_steps", "2", *options)


# ------------------------------------------------------------------------------------------------ finished models
def evaluated(task: str, run: Path, folder: Path) -> Any:
    """metrics.json of `textvae evaluate` on a finished tiny run."""
    options = {
        "style_transfer": ["--evaluation.resamples=0"],
        "summarization": ["--evaluation.resamples=0", "--evaluation.tagger.size=4", "--evaluation.tagger.epochs=1"],
        "sentence_vae": ["--samples=2"],
        "document_vae": [],
        "tree": ["--evaluation.samples=2", "--evaluation.max_sentences=12"],
    }[task]
    code, said = command("evaluate", str(run), *options, "--save", str(folder), "--quiet")
    assert code == 0, said
    return metrics_of(folder)


def metrics_of(folder: Path) -> Any:
    """metrics.json without speeds and the names of files; of its table the first row and the last."""
    found = json.loads((folder / "metrics.json").read_text())
    if "rows" in found:
        found["rows"] = [found["rows"][0], found["rows"][-1]]
    return {name: value for name, value in found.items() if name not in ("speed", "outputs", "files")}


def stored_outputs(folder: Path) -> dict[str, Any]:
    """metrics.json of outputs of another system: transfers, and summaries."""
    files = [str(DATA / f"outputs.{label}") for label in (0, 1)]
    reviews = ("--data.path", str(DATA), "--data.name", "reviews", "--cache", str(folder / "cache"))
    news = ("--outputs", str(DATA / "news" / "outputs.txt"), "--references", str(DATA / "news" / "test.jsonl"))
    for name, given in (("style", ("--outputs", *files, *reviews)), ("summaries", news)):
        code, said = command("evaluate", *given, "--save", str(folder / name), "--evaluation.resamples", "10")
        assert code == 0, said
    return {name: metrics_of(folder / name) for name in ("style", "summaries")}


def transferred() -> dict[str, list[str]]:
    """What the model `yelp` writes, greedily and reranked, 6 sentences each way."""
    from textvae import StyleTransfer

    transfer = StyleTransfer.from_pretrained("yelp", device="cpu", precision="fp32")
    found = {}
    for name, rerank in (("greedy", False), ("reranked", True)):
        for path, target in zip(REVIEWS, ("positive", "negative"), strict=True):
            texts = path.read_text().splitlines()[:6]
            found[f"{name} to {target}"] = transfer(texts, target=target, rerank=rerank, contract=False)
    return found


def summarized(name: str) -> list[str]:
    """What a summarizer that comes with the package writes by itself, unchecked, of twelve documents."""
    from textvae import Summarizer

    summarize = Summarizer.from_pretrained(name, device="cpu", precision="fp32")
    return summarize(NEWS.read_text().splitlines(), checked=False)


def decompressed(mode: str, folder: Path) -> str:
    """sha256 of the text of a stored compressed file; what is said where this machine cannot decode it."""
    out = folder / mode
    code, said = command("decompress", str(model_of(mode)), str(WRITTEN / f"{mode}.tvae"), "-o", str(out))
    return hashlib.sha256(out.read_bytes()).hexdigest() if code == 0 else said


def model_of(mode: str) -> Path:
    """The run whose model a mode uses."""
    return WRITTEN / "runs" / CODED[mode][0]


# ------------------------------------------------------------------------------------------------ data and commands
def fingerprints(folder: Path) -> dict[str, str]:
    """Of the four samples."""
    from textvae.data.config import DataConfig
    from textvae.data.sources import load_corpus
    from textvae.data.unpaired.config import UnpairedDataConfig
    from textvae.data.unpaired.sources import load_unpaired
    from textvae.extras.documents.config import DocumentDataConfig
    from textvae.extras.documents.corpus import load_documents
    from textvae.text import TextConfig

    text = TextConfig()
    news = load_config_of("configs/toy/news.yaml").data
    assert isinstance(news, UnpairedDataConfig)
    return {
        "reviews": load_corpus(DataConfig(path="data/sample", name="reviews"), text, folder).fingerprint,
        "trees": load_corpus(DataConfig(source="trees", path="data/sample-trees"), text, folder).fingerprint,
        "documents": load_documents(DocumentDataConfig(path="data/sample-documents"), text, folder).fingerprint,
        "news": load_unpaired(news, text, folder).fingerprint,
    }


def load_config_of(path: str) -> Any:
    """A configuration in the repository."""
    from textvae.config import parse

    return parse(["--config", str(ROOT / path), "--run", "nowhere"])[0]


def options() -> dict[str, list[str]]:
    """Option names of every command, dots for the fields of a configuration; underscores read as dashes.

    Those of `textvae evaluate` are the options for any of the tasks.
    """
    from make_reference import parsers

    from textvae.commands import COMMANDS

    found: dict[str, set[str]] = {}
    for title, parser in parsers():
        words = title.removeprefix("textvae ").split()
        name = words[0] if words[0] in COMMANDS and words[0] != "data" else " ".join(words)
        names = {option for action in parser._actions for option in action.option_strings}
        found.setdefault(name, set()).update(option.replace("_", "-") for option in names)
    found["train"] = {option for option in found["train"] if "." not in option}  # they are keys of config.yaml
    return {name: sorted(names) for name, names in found.items()}


def command_lines() -> list[str]:
    """Of every command: --help, an option that it has not, a run that is not there; and some of their own."""
    from textvae.commands import COMMANDS

    recipes = RECIPES.relative_to(ROOT)
    lines = [f"{name} {rest}" for name in COMMANDS for rest in ("--help", "--no-such-option")]
    without = ("arithmetic", "completion", "data", "decompress", "demo", "interpolate", "nearest", "report", "runs")
    lines += [f"{name} no/such/run" for name in COMMANDS if name not in (*without, "train")]
    lines += ["", "--version", "--help", "transfr", "evaluate", "data", "data sample", "runs no/such/folder"]
    lines += [f"train --run {{folder}}/train --config {recipes}/tree.yaml", "train --task nothing"]
    diverging = "--training.learning_rate=1e30 --training.clip_norm=0 --training.max_steps=40 --training.log_every=1"
    return [*lines, f"train --run {{folder}}/nan --config {recipes}/sentence_vae.yaml {diverging}"]


def exit_codes(folder: Path, lines: Sequence[str]) -> dict[str, int]:
    """Of command lines. `{folder}/train` holds a file of somebody else."""
    (folder / "train").mkdir()
    (folder / "train" / "note.txt").write_text("not a run\n")
    cache = ("--cache", str(folder / "cache"))
    return {
        line: command(*line.format(folder=folder).split(), *(cache if "{folder}" in line else ()))[0] for line in lines
    }


def public_names() -> list[str]:
    """What `textvae` exports."""
    import textvae

    return sorted(textvae.__all__)


# ------------------------------------------------------------------------------------------------ the files
def write(name: str, value: Any) -> None:
    """A JSON file of the contract, a line for each key."""
    rows = (f"{json.dumps(key)}: {json.dumps(value[key], ensure_ascii=False, sort_keys=True)}" for key in sorted(value))
    (WRITTEN / f"{name}.json").write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


def make_run(name: str, recipe: str, folder: Path, model: bool, *extra: str) -> None:
    """A run at step 3 (at 2, of stages), with what a resumption reads; model: with its best model as well."""
    run = folder / name
    train(run, folder / "cache", "--config", str(RECIPES / f"{recipe}.yaml"), *extra)
    kept = ["config.yaml", "data.json", "tokenizer", "bag_of_words.json", "metrics.jsonl"]
    for place in (*kept, "checkpoints", *(["best"] if model else [])):
        if (run / place).is_dir():
            shutil.copytree(run / place, WRITTEN / "runs" / name / place)
        elif (run / place).exists():
            (WRITTEN / "runs" / name).mkdir(parents=True, exist_ok=True)
            text = (run / place).read_text(encoding="utf-8").replace(str(folder), "runs")
            (WRITTEN / "runs" / name / place).write_text(text, encoding="utf-8")
    if recipe != name:
        shutil.rmtree(WRITTEN / "runs" / name / "checkpoints")


@contextlib.contextmanager
def fresh() -> Iterator[Path]:
    """A temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def record(parts: Sequence[str]) -> None:
    """Write the parts that are named, or all."""
    with fresh() as folder:
        if not parts or "runs" in parts:
            shutil.rmtree(WRITTEN / "runs", ignore_errors=True)
            for task in TASKS:
                make_run(task, task, folder, task == "sentence_vae")
            make_run(
                "vq",
                "sentence_vae",
                folder,
                True,
                "--model.latent.kind=vq",
                "--model.latent.codebook=8",
                "--model.latent.slots=2",
            )
            for mode, (_, coding) in CODED.items():
                text, target = str(DATA / "reviews.dev.negative"), str(WRITTEN / f"{mode}.tvae")
                code, said = command("compress", str(model_of(mode)), text, *coding, "-o", target)
                assert code == 0, said
    everything = {
        "machine": lambda folder: {"machine": machine()},
        "resumed": lambda folder: {task: resumed(task, folder) for task in TASKS},
        "begun": lambda folder: {kind: begun(kind, folder) for kind in (*LATENTS, "clamped")},
        "outputs": lambda folder: {"yelp": transferred(), **{name: summarized(name) for name in ("news", "reuters")}},
        "decompressed": lambda folder: {mode: decompressed(mode, folder) for mode in CODED},
        "stored_outputs": stored_outputs,
        "fingerprints": fingerprints,
        "options": lambda folder: options(),
        "exit_codes": lambda folder: exit_codes(folder, command_lines()),
        "public_names": lambda folder: {"textvae": public_names()},
        "evaluated": evaluations,
    }
    for name, observe in everything.items():
        if not parts or name in parts:
            with fresh() as folder:
                write(name, observe(folder))


def evaluations(folder: Path) -> dict[str, Any]:
    """metrics.json of every task, of a run at step 3 (of stages: 5)."""
    found = {}
    for task in TASKS:
        steps = ("--training.max_steps", "5" if task == "summarization" else "3")
        train(folder / task, folder / "cache", "--config", str(RECIPES / f"{task}.yaml"), *steps)
        found[task] = evaluated(task, folder / task, folder / f"{task}-evaluation")
    return found


if __name__ == "__main__":
    record(sys.argv[1:])
