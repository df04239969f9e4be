"""A folder in which the commands of a page are run by a shell, as a reader does, at toy size.

All that is not as in the page is declared here: what lies in the folder, and options that make trainings short.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from support import CPU, ROOT, wait_until

HERE = Path(__file__).parent

FEW_STEPS = (
    *("--training.max_steps=6", "--training.evaluate_every=6", "--training.log_every=3", "--selection.max_sentences=8"),
    *("--selection.strengths=[1.0]", "--transfer.start=2", "--training.precision=fp32"),
)
SHORT = (
    *FEW_STEPS,
    *("--model.embedding_size=16", "--model.encoder.size=16", "--model.decoder.size=16", "--model.content.size=8"),
)
SHORT_SUMMARIES = (
    *("--stages=[{name: denoise, steps: 4}, {name: reconstructor, steps: 2}]", "--training.evaluate_every=4"),
    *("--model.generator.size=16", "--model.generator.embedding_size=16", "--training.precision=fp32"),
    *("--model.reconstructor.size=16", "--model.reconstructor.embedding_size=16"),
    *("--selection.max_documents=8", "--selection.max_reader_documents=20"),
)
DEMO_SIZES = (
    *("--model.embedding_size=32", "--model.encoder.size=32", "--model.decoder.size=48", "--model.style.size=4"),
    *("--model.content.size=16", "--model.output=adaptive", "--model.hide_style_words=false"),
)
"""Those of `configs/toy/test.yaml`, which made what is `runs/demo` here."""
FEW = ("--evaluation.max_train_sentences=200", "--evaluation.max_dev_sentences=50", "--evaluation.resamples=20")
TOY_OPTIONS: Sequence[tuple[str, Sequence[str]]] = (
    (r"(textvae train|python train\.py).*(news|summar)", SHORT_SUMMARIES),
    (r"textvae train .*--start runs/demo", (*FEW_STEPS, *DEMO_SIZES)),
    (r"(textvae train|python train\.py)", SHORT),
    (r"textvae back-translate", ("--sentences=100", "--certainty=0.5", "--fluency-loss=5")),
    (r"textvae sweep --config", (*SHORT, *FEW)),
    (r"textvae sweep", FEW),
    (r"textvae fit-scorers", ("--epochs=1", "--index-sentences=200")),
    (r"textvae report(?!.*--quick)", ("--sentences=20",)),
    (r"textvae evaluate (?!.*(news|references))", FEW),
)
"""What the first pattern that matches the beginning of a command adds to it."""
SUBSTITUTIONS = (("accelerate launch train.py", "python train.py"),)
"""One process needs no launcher."""
LINES = 120
"""Sentences of each label in `data/yelp`, which stands for the real one."""


class Sandbox:
    """A folder with the project's files, two finished runs and a few texts; `run` runs a script there."""

    def __init__(self, folder: Path, server: Path, cache: Path, style_run: Path, news_run: Path):
        self.folder, self.server, self.cache = folder, server, cache
        for name in ("configs", "scripts", "train.py"):
            (folder / name).symlink_to(ROOT / name)
        for name in ("sample", "sample-news"):
            (folder / "data").mkdir(exist_ok=True)
            (folder / "data" / name).symlink_to(ROOT / "data" / name)
        self.write_yelp()
        shutil.copytree(style_run, folder / "runs" / "demo")
        shutil.copytree(news_run, folder / "runs" / "news-demo")
        (folder / "reviews.txt").write_text("The soup was cold.\nI hated the room.\n")
        (folder / "articles.txt").write_text(
            "The mayor of Dorsk said on Friday that the city will close three schools.\n"
        )
        (folder / "bin").mkdir()
        for name in ("textvae", "python"):
            client = folder / "bin" / name
            client.write_text(f"#!{sys.executable} -SE\n{(HERE / 'client.py').read_text()}")
            client.chmod(0o755)

    def write_yelp(self) -> None:
        """A few sentences of the sample under the names of the Yelp files."""
        folder = self.folder / "data" / "yelp"
        folder.mkdir()
        for split in ("train", "dev", "test"):
            for number, label in enumerate(("negative", "positive")):
                lines = (ROOT / "data" / "sample" / f"reviews.{split}.{label}").read_text().splitlines()[:LINES]
                (folder / f"sentiment.{split}.{number}").write_text("\n".join(lines) + "\n")

    def run(self, script: str, timeout: float = 900) -> subprocess.CompletedProcess[str]:
        """The script in bash, which ends at the first command that fails."""
        for old, new in SUBSTITUTIONS:
            script = script.replace(old, new)
        own = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "DOCUMENTATION_SERVER": str(self.server),
            "DOCUMENTATION_TOY_OPTIONS": json.dumps(TOY_OPTIONS),
            "XDG_CACHE_HOME": str(self.cache),
            "PYTHONPATH": str(ROOT),
        }
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env={**os.environ, **CPU, **own},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )


def start_server(path: Path) -> subprocess.Popen[bytes]:
    """The process whose forks run the commands; it is ready when its socket is there."""
    env = {**os.environ, **CPU, "PYTHONPATH": str(ROOT), "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen([sys.executable, str(HERE / "server.py"), str(path)], env=env, cwd=ROOT)
    wait_until(lambda: path.exists() or process.poll() is not None, 120, "the server of the documentation's tests")
    assert process.poll() is None
    return process
