"""Record an evaluated run under results/, and rewrite the table over all of them.

    textvae evaluate runs/yelp --strength 1.5
    python scripts/record_result.py runs/yelp --name style_content_vae-s0
    python scripts/record_result.py                    # only the table

Copies metrics.json, outputs.* and config.yaml of RUN, and writes run.json: command, commit, seed, time, machine.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from textvae.checkpoint import Checkpoints
from textvae.config import load_config, save_config
from textvae.files import atomic_write, write_json

MACHINE = ("processor", "cores", "threads", "gpu", "num_processes", "mixed_precision")
COLUMNS = {
    "accuracy_ngram": "ACC n-gram",
    "accuracy_cnn": "ACC CNN",
    "self_bleu": "self-BLEU",
    "ref_bleu": "ref-BLEU",
    "perplexity": "PPL",
    "copy_rate": "copied %",
    "word_overlap": "overlap",
}


def record(run: Path, folder: Path) -> None:
    """Copy one run's evaluation into `folder`."""
    evaluation = run / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    for path in [evaluation / "metrics.json", run / "config.yaml", *evaluation.glob("outputs.*")]:
        shutil.copyfile(path, folder / path.name)
    config = load_config(run / "config.yaml")
    data_path = config.data.path
    config.run, config.data.path, config.cache = folder.name, "data/yelp", None
    save_config(config, folder / "config.yaml")
    environment = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    checkpoint = Checkpoints(run / "checkpoints").latest()
    progress = checkpoint.state["progress"] if checkpoint else {}
    details = {
        "command": environment["command"].replace(data_path, "data/yelp").replace(str(run), f"runs/{folder.name}"),
        "commit": environment["commit"],
        "seed": config.training.seed,
        "steps": progress.get("step"),
        "best_step": progress.get("best_step"),
        "training_seconds": round(progress.get("seconds", 0.0)),
        "machine": {
            k: environment[k] for k in ("processor", "cores", "threads", "gpu", "num_processes", "mixed_precision")
        },
        "packages": environment["packages"],
        "data": json.loads((run / "data.json").read_text(encoding="utf-8"))["fingerprint"],
    }
    write_json(folder / "run.json", details)


def cell(measures: dict[str, Any], name: str) -> str:
    """A value with half its interval."""
    found = measures.get(name) or {}
    if found.get("value") is None:
        return "-"
    if name == "word_overlap":
        return f"{found['value']:.3f}"
    spread = "" if found.get("low") is None else f" ± {(found['high'] - found['low']) / 2:.1f}"
    return f"{found['value']:.1f}{spread}"


def rows(results: Path, direction: str) -> list[str]:
    """A line of the table for every recorded run, copies and human references first."""
    lines, reference = [], False
    for folder in sorted(p.parent for p in results.glob("*/metrics.json")):
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        found = [row for row in metrics["rows"] if row["direction"] == direction]
        if not reference:
            reference = True
            lines += [line(row["system"], row["measures"], {}, {}) for row in found[1:]]
        lines.append(line(f"[{folder.name}]({folder.name}/)", found[0]["measures"], metrics, run))
    return lines


def line(name: str, measures: dict[str, Any], metrics: dict[str, Any], run: dict[str, Any]) -> str:
    """One row in Markdown."""
    probes = metrics.get("probes", {})
    extra = [f"{probes[z]['accuracy']:.3f}" if z in probes else "-" for z in ("z_s", "z_c")]
    minutes = f"{run['training_seconds'] / 60:.0f}" if run else "-"
    strength = str(metrics.get("decoding", {}).get("strength", "-"))
    return "| " + " | ".join([name, *(cell(measures, c) for c in COLUMNS), *extra, strength, minutes]) + " |"


def table(results: Path) -> str:
    """Markdown tables: both directions together, then each."""
    head = ["system", *COLUMNS.values(), "probe z_s", "probe z_c", "strength", "minutes"]
    parts = []
    metrics = sorted(results.glob("*/metrics.json"))
    directions = sorted({r["direction"] for m in metrics for r in json.loads(m.read_text(encoding="utf-8"))["rows"]})
    for direction in sorted(directions, key=lambda d: (d != "all", d)):
        parts += [f"### {direction}", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        parts += [*rows(results, direction), ""]
    return "\n".join(parts)


def commands(results: Path) -> str:
    """The command, commit and seed of every row."""
    lines = ["| run | command | commit | seed | steps (best) |", "|---|---|---|---|---|"]
    for path in sorted(results.glob("*/run.json")):
        run = json.loads(path.read_text(encoding="utf-8"))
        steps = f"{run['steps']} ({run['best_step']})"
        lines.append(f"| {path.parent.name} | `{run['command']}` | {run['commit']} | {run['seed']} | {steps} |")
    return "\n".join(lines)


def write_table(results: Path) -> None:
    """Replace what stands between the markers of results/…/README.md."""
    readme = results / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else "<!-- table -->\n<!-- /table -->\n"
    before, rest = text.split("<!-- table -->", 1)
    after = rest.split("<!-- /table -->", 1)[1]
    body = f"{table(results)}\n### What made each row\n\n{commands(results)}\n"
    with atomic_write(readme) as handle:
        handle.write(f"{before}<!-- table -->\n{body}<!-- /table -->{after}")


def main(argv: list[str]) -> int:
    """Record a run if one is named; write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--name", help="folder under --results")
    parser.add_argument("--results", type=Path, default=Path("results/yelp"))
    arguments = parser.parse_args(argv)
    if arguments.run is not None:
        record(arguments.run, arguments.results / (arguments.name or arguments.run.name))
    write_table(arguments.results)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
