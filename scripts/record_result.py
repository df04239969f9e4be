"""Record an evaluated run under results/, and rewrite the table over all of them.

    textvae evaluate runs/yelp
    python scripts/record_result.py runs/yelp --name style_content_vae-s0
    textvae evaluate runs/sentence-compression
    python scripts/record_result.py runs/sentence-compression --name compression-s0
    python scripts/record_result.py runs/sentence-vq --name vq
    python scripts/record_result.py --results results/news         # only the table

Copies metrics.json, outputs.* and config.yaml of RUN, and writes run.json: command, commit, seed, time, machine. Style
transfer goes to results/yelp, summaries to results/news, sentence and document VAEs and trees to results/latents.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from latent_tables import Recorded, detection_table, latent_tables, link, lossless_table, lossy_table, markdown

from textvae.checkpoint import Checkpoints
from textvae.config import load_config, save_config
from textvae.files import atomic_write, write_json

LATENTS = Path("results/latents")
HOMES = {
    "style_transfer": Path("results/yelp"),
    "summarization": Path("results/news"),
    **dict.fromkeys(("sentence_vae", "document_vae", "tree"), LATENTS),
}
STYLE_COLUMNS = {
    "accuracy_ngram": "ACC n-gram",
    "accuracy_cnn": "ACC CNN",
    "self_bleu": "self-BLEU",
    "ref_bleu": "ref-BLEU",
    "perplexity": "PPL",
    "copy_rate": "copied %",
    "word_overlap": "overlap",
}
NEWS_COLUMNS = {
    "mean_length": "words",
    "rouge_1": "ROUGE-1",
    "rouge_2": "ROUGE-2",
    "rouge_l": "ROUGE-L",
    "perplexity": "PPL",
    "novelty_1": "new words %",
    "names_kept": "names kept %",
    "lead_rate": "LEAD %",
}
THREE_DIGITS = {"word_overlap"}


# ---------------------------------------------------------------------- one run
def record(run: Path, folder: Path, evaluation: Path) -> None:
    """Copy one run's evaluation into `folder`. No path of this machine gets into it."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in [evaluation / "metrics.json", *evaluation.glob("outputs.*")]:
        shutil.copyfile(path, folder / path.name)
    config = load_config(run / "config.yaml")
    hidden = dict(public_paths(config)) | {str(run): f"runs/{folder.name}"}
    config.run, config.cache = folder.name, None
    environment = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    command = environment["command"]
    for private, public in hidden.items():
        command = command.replace(private, public)
    save_config(config, folder / "config.yaml")
    checkpoint = Checkpoints(run / "checkpoints").latest()
    progress = checkpoint.state["progress"] if checkpoint else {}
    details = {
        "task": config.task,
        "command": command,
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


def public_paths(config: Any) -> Iterator[tuple[str, str]]:
    """The paths of data and of what a run began with, changed in `config`, and what they are called in public."""
    data = config.data
    places = [(config, "start", "runs", 1), (getattr(config, "transfer", None), "stored", "runs", 1)]
    if config.task == "summarization":
        places += [(side, "path", "data", 2) for side in (data.documents, data.texts, data.dev, data.test)]
    else:
        places.append((data, "path", "data", 1))
    for section, name, home, parts in places:
        private = getattr(section, name, None)
        if private:
            public = "/".join((home, *Path(private).parts[-parts:]))
            yield private, public
            setattr(section, name, public)


def recorded(results: Path) -> list[Recorded]:
    """Everything recorded under `results`, by name."""
    return [
        Recorded(
            path.parent.name,
            json.loads(path.read_text(encoding="utf-8")),
            json.loads((path.parent / "run.json").read_text(encoding="utf-8")),
        )
        for path in sorted(results.glob("*/metrics.json"))
    ]


# ---------------------------------------------------------------------- tables
def cell(measures: dict[str, Any], name: str) -> str:
    """A value with half its interval."""
    found = measures.get(name) or {}
    if found.get("value") is None:
        return "-"
    if name in THREE_DIGITS:
        return f"{found['value']:.3f}"
    spread = "" if found.get("low") is None else f" ± {(found['high'] - found['low']) / 2:.1f}"
    return f"{found['value']:.1f}{spread}"


def style_tables(found: list[Recorded]) -> Iterator[str]:
    """All directions together, then each; copies and human references first. Other data have tables of their own."""
    head = ["system", *STYLE_COLUMNS.values(), "probe z_s", "probe z_c", "strength", "minutes"]
    groups: dict[str, list[Recorded]] = {}
    for one in found:
        groups.setdefault(one.run["data"], []).append(one)
    for group in groups.values():
        directions = {row["direction"] for row in group[0].metrics["rows"]}
        about = "" if len(groups) == 1 else f" ({', '.join(one.name for one in group)})"
        for direction in sorted(directions, key=lambda d: (d != "all", d)):
            rows = {one.name: [r for r in one.metrics["rows"] if r["direction"] == direction] for one in group}
            baselines = next(iter(rows.values()))[1:]
            lines = [[row["system"], *style_cells(row), "-", "-", "-", "-"] for row in baselines]
            lines += [[link(one.name), *style_cells(rows[one.name][0]), *style_extras(one)] for one in group]
            yield "\n".join([f"### {direction}{about}", "", *markdown(head, lines), ""])


def style_cells(row: dict[str, Any]) -> list[str]:
    """Its measures."""
    return [cell(row["measures"], column) for column in STYLE_COLUMNS]


def style_extras(one: Recorded) -> list[str]:
    """Probes, strength and minutes."""
    probes = one.metrics.get("probes", {})
    read = [f"{probes[z]['accuracy']:.3f}" if z in probes else "-" for z in ("z_s", "z_c")]
    return [*read, str(one.metrics.get("decoding", {}).get("strength", "-")), one.minutes]


def news_tables(found: list[Recorded]) -> Iterator[str]:
    """One for each data set; the baselines of a run stand under it only where they have its own length."""
    head = ["system", *NEWS_COLUMNS.values(), "alarms", "minutes"]
    for data in sorted(
        {one.run["data"] for one in found}, key=lambda d: min(o.name for o in found if o.run["data"] == d)
    ):
        group = [one for one in found if one.run["data"] == data]
        shown = group[0].metrics["settings"]["shown"]
        rows = {row["system"]: row for row in group[0].metrics["rows"]}
        lines = [[label, *news_cells(rows[name]), "-", "-"] for name, label in list(shown.items())[1:]]
        for one in group:
            alarms = str(len(one.metrics["alarms"]))
            lines.append([link(one.name), *news_cells(one.metrics["rows"][0]), alarms, one.minutes])
        yield "\n".join([f"### {group[0].name.split('-')[0]}", "", *markdown(head, lines), ""])


def news_cells(row: dict[str, Any]) -> list[str]:
    """Its measures."""
    return [cell(row["measures"], column) for column in NEWS_COLUMNS]


def commands(found: list[Recorded]) -> str:
    """The command, commit and seed of every row."""
    lines = [
        [
            o.name,
            f"`{o.run['command']}`",
            str(o.run["commit"]),
            str(o.run["seed"]),
            f"{o.run['steps']} ({o.metrics.get('step') or o.run['best_step']})",
        ]
        for o in found
    ]
    return "\n".join(markdown(["run", "command", "commit", "seed", "steps (evaluated)"], lines))


def write_table(results: Path) -> None:
    """Replace what stands between the markers of results/…/README.md."""
    found = recorded(results)
    tables = {"news": news_tables, "latents": latent_tables}.get(results.name, style_tables)(found)
    readme = results / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else "<!-- table -->\n<!-- /table -->\n"
    before, rest = text.split("<!-- table -->", 1)
    after = rest.split("<!-- /table -->", 1)[1]
    made = ["### What made each row", "", commands(found), ""]
    body = "\n".join([*tables, *detection_table(results), *lossless_table(results), *lossy_table(results), *made])
    with atomic_write(readme) as handle:
        handle.write(f"{before}<!-- table -->\n{body}<!-- /table -->{after}")


def main(argv: list[str]) -> int:
    """Record a run if one is named; write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--name", help="folder under --results")
    parser.add_argument("--evaluation", type=Path, help="what `textvae evaluate --save` wrote; default: RUN/evaluation")
    parser.add_argument("--results", type=Path, help="default: by the task of RUN, else results/yelp")
    arguments = parser.parse_args(argv)
    results = arguments.results or HOMES["style_transfer"]
    if arguments.run is not None:
        results = arguments.results or HOMES[load_config(arguments.run / "config.yaml").task]
        folder = results / (arguments.name or arguments.run.name)
        record(arguments.run, folder, arguments.evaluation or arguments.run / "evaluation")
    write_table(results)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
