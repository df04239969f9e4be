"""Tables of recorded latent spaces, for `record_result.py`: sentences, documents, trees, detection, compression."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textvae.evaluation.diagnostics.report import COLUMNS, DIGITS

DOCUMENT_COLUMNS = {
    "eer_mu2": "EER % μ2",
    "eer_mu1": "EER % μ1",
    "eer_raw": "EER % tf-idf",
    "bound": "bound, nats",
    "J_kl_1": "KL z1",
    "J_kl_2": "KL z2",
}


@dataclass(frozen=True)
class Recorded:
    """One folder of results."""

    name: str
    metrics: dict[str, Any]
    run: dict[str, Any]

    @property
    def minutes(self) -> str:
        """Time of training."""
        return f"{self.run['training_seconds'] / 60:.0f}"


def markdown(head: list[str], lines: list[list[str]]) -> list[str]:
    """A table."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *lines)]


def link(name: str) -> str:
    """A link to the folder of a run."""
    return f"[{name}]({name}/)"


def latent_tables(found: list[Recorded]) -> Iterator[str]:
    """One for each task."""
    kinds = {"sentence_vae": sentence_rows, "document_vae": document_rows, "tree": tree_rows}
    titles = {"sentence_vae": "Sentences", "document_vae": "Documents", "tree": "Trees"}
    for task, rows in kinds.items():
        group = [one for one in found if one.run["task"] == task]
        if group:
            yield "\n".join([f"### {titles[task]}", "", *markdown(*rows(group)), ""])


def sentence_rows(group: list[Recorded]) -> tuple[list[str], list[list[str]]]:
    """What `textvae evaluate` tells of a latent space, nats a sentence."""
    lines = []
    for one in group:
        values = [(one.metrics[name], DIGITS.get(name, 1)) for name in COLUMNS]
        lines.append([link(one.name), *("-" if v is None else f"{v:.{d}f}" for v, d in values), one.minutes])
    return ["run", *COLUMNS.values(), "minutes"], lines


def document_rows(group: list[Recorded]) -> tuple[list[str], list[list[str]]]:
    """Verification by documents' halves."""
    lines = []
    for one in group:
        values = [one.metrics[name] * (100 if name.startswith("eer") else 1) for name in DOCUMENT_COLUMNS]
        lines.append([link(one.name), *(f"{value:.1f}" for value in values), one.minutes])
    return ["run", *DOCUMENT_COLUMNS.values(), "minutes"], lines


def tree_rows(group: list[Recorded]) -> tuple[list[str], list[list[str]]]:
    """Unlabelled F1 of every run; what anybody can guess is alike in all of them."""
    head = ["trees", "sentence F1", "corpus F1", "NLL", "PPL", "trigram PPL", "minutes"]
    lines = []
    for one in group:
        m = one.metrics
        numbers = [f"{m[name]:.2f}" for name in ("nll", "perplexity", "ngram_perplexity")]
        lines.append([link(one.name), *f1_cells(m["trees"]["model"]), *numbers, one.minutes])
    others = group[0].metrics["trees"]
    lines += [[name, *f1_cells(found), "-", "-", "-", "-"] for name, found in others.items() if name != "model"]
    return head, lines


def f1_cells(found: dict[str, float]) -> list[str]:
    """In percent."""
    return [f"{100 * found[name]:.1f}" for name in ("sentence_f1", "corpus_f1")]


# ---------------------------------------------------------------------- one file for all rows
def read(path: Path) -> dict[str, Any] | None:
    """What a script has saved; None where it has not."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def made_by(found: dict[str, Any]) -> str:
    """What stands below its table."""
    seed = f", seed {found['seed']}" if "seed" in found else ""
    return f"`{found['command']}`, commit {found['commit']}{seed}, {found['processor']}, {found['minutes']} minutes."


def detection_table(results: Path) -> Iterator[str]:
    """AUROC, AUPR and FPR95 of every score, for each clean topic; `scripts/one_class.py` saves them."""
    found = read(results / "one_class.json")
    if found is None:
        return
    topics = list(found["topics"])
    lines = []
    for score in found["topics"][topics[0]]:
        rows = [found["topics"][topic][score] for topic in topics]
        cells = [" / ".join(f"{100 * row[name]:.1f}" for name in ("auroc", "aupr", "fpr95")) for row in rows]
        lines.append([score, *cells, f"{100 * found['mean_auroc'][score]:.1f}"])
    counts = found["documents"]
    heads = [
        f"{t} ({counts[t]['clean']} clean, {counts[t]['foreign']} of {counts[t]['asked']} foreign)" for t in topics
    ]
    table = markdown(["AUROC / AUPR / FPR95 %", *heads, "mean AUROC"], lines)
    yield "\n".join(["### Detection, one topic in", "", *table, "", made_by(found), ""])


def lossless_table(results: Path) -> Iterator[str]:
    """Bits a line of every coder; `scripts/compression.py` saves them."""
    files = sorted(results.glob("compression_*.json"))
    for name, found in ((path.stem.partition("_")[2], json.loads(path.read_text(encoding="utf-8"))) for path in files):
        if "lossless" not in found:
            continue
        lines = [[other, f"{bits:.1f}"] for other, bits in found["others"].items()]
        for way, row in found["lossless"].items():
            lines.append([f"run {name}, {way} ({100 * row['with_z']:.1f} % take it)", f"{row['bits_per_line']:.1f}"])
        table = markdown([f"lossless, {found['lines']} lines", "bits a line"], lines)
        yield "\n".join(["### Lossless", "", *table, "", made_by(found), ""])


def lossy_table(results: Path) -> Iterator[str]:
    """Rate and distortion of quantised latents and of codes."""
    lines, below = [], []
    for path in sorted(results.glob("compression_*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        for p in found.get("lossy", []):
            levels = "-" if p["quantiser"] == "codebook" else str(p["levels"])
            bits, lost = f"{p['bits_per_line']:.1f}", [f"{p['bleu']:.1f}", f"{100 * p['exact']:.1f}"]
            lines.append([path.stem.partition("_")[2].split("-")[0], p["quantiser"], levels, bits, *lost])
        below += [f"- {found['lines']} lines: {made_by(found)}"] if "lossy" in found else []
    if lines:
        head = ["run", "quantiser", "levels", "bits a line", "BLEU", "exact %"]
        yield "\n".join(["### Lossy", "", *markdown(head, lines), "", *below, ""])
