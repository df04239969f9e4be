"""Run directories made up in milliseconds: files as a training leaves them, without models."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import yaml

STYLE_TERMS = ("J_rec", "J_kl_s", "J_kl_c", "J_mul_s", "J_mul_c", "J_adv_s", "J_adv_c")
NASTY = "<script>alert('x')</script> & \"quotes\""
"""A sentence that would run if anything wrote it into a page as it is."""


def weight(value: float, schedule: str = "constant", steps: int = 0) -> dict[str, Any]:
    return {"weight": value, "schedule": schedule, "steps": steps, "start": 0}


def style_config(**training: Any) -> dict[str, Any]:
    terms = {name: weight(1.0) for name in (*STYLE_TERMS, "J_dis_s", "J_dis_c")}
    terms["J_kl_s"] = weight(0.03, "tanh", 50)
    values = {"batch_size": 10, "epochs": 2, "max_steps": None, "seed": 3, "patience": None, "log_every": 10}
    return {
        "task": "style_transfer",
        "run": "runs/made-up",
        "data": {"source": "files", "path": "nowhere/reviews", "name": "reviews", "max_tokens": 15},
        "model": {"style": {"size": 4}, "content": {"size": 16}},
        "objectives": {**terms, "adversarial": "uniform"},
        "training": {**values, **training},
    }


def style_lines(steps: int, start: float = 1e9, best: float = 0.3) -> list[dict[str, Any]]:
    """A line every ten steps and ten seconds, an evaluation every fifty."""
    lines: list[dict[str, Any]] = []
    for step in range(10, steps + 1, 10):
        line: dict[str, Any] = {"step": step, "time": start + step}
        line |= {f"train/vae/{name}": 5.0 / step + index for index, name in enumerate(STYLE_TERMS)}
        line |= {f"train/dis/{name}": 0.5 for name in ("J_dis_s", "J_dis_c")}
        line |= {f"train/{phase}/grad_norm": 1.0 + 1 / step for phase in ("vae", "dis")}
        line |= {f"train/lambda/{name}": 1.0 for name in STYLE_TERMS}
        lines.append(line | {"train/learning_rate": 0.001, "train/tokens_per_second": 900.0})
        if step % 50 == 0:
            dev = {"dev/score": best * step / steps, "dev/accuracy": 0.9, "dev/self_bleu": 0.2, "dev/copy_rate": 0.0}
            dev |= {"dev/probe_z_s": 0.95, "dev/probe_z_c": 0.55, "dev/J_rec": 1.5, "dev/J_kl_s": 1.0}
            lines.append({"step": step, "time": start + step + 5, **dev})
    return lines


def environment(command: str = "train.py --config configs/yelp/paper_vae.yaml --training.epochs 2 --run runs/x") -> Any:
    machine = {"processor": "a processor", "cores": 2, "threads": 1, "gpu": None, "num_processes": 1}
    return {"command": command, "commit": "abc123", "packages": {"torch": "2.0"}, "python": "3.11", **machine}


def style_evaluation(system: str, accuracy: float = 90.0) -> dict[str, Any]:
    def row(name: str, direction: str, value: float) -> dict[str, Any]:
        found = {"accuracy_ngram": value, "accuracy_cnn": value, "self_bleu": 30.0, "ref_bleu": 15.0}
        found |= {"perplexity": 60.0, "copy_rate": 2.0}
        measures = {key: {"value": v, "low": v - 1, "high": v + 1} for key, v in found.items()}
        measures["distinct_1"] = {"value": 0.1, "low": None, "high": None}
        return {"system": name, "direction": direction, "sentences": 10, "measures": measures}

    systems = ((system, accuracy), ("input copied", 3.0))
    rows = [row(name, direction, v) for name, v in systems for direction in ("all", "bad to good")]
    probe = {"accuracy": 0.97, "nonlinear_accuracy": 0.98, "majority": 0.5}
    settings = {"labels": ["bad", "good"], "judges": {"ngram": 0.97}, "confidence": 0.95, "resamples": 10}
    return {"rows": rows, "probes": {"z_s": probe, "z_c": {**probe, "accuracy": 0.5}}, "settings": settings}


def summary_evaluation(system: str) -> dict[str, Any]:
    def row(name: str, words: float, rouge: float) -> dict[str, Any]:
        found = {"mean_length": words, "rouge_1": rouge, "rouge_2": rouge / 2, "rouge_l": rouge - 1, "lead_rate": 1.0}
        return {"system": name, "measures": {k: {"value": v, "low": v - 1, "high": v + 1} for k, v in found.items()}}

    rows = [row(system, 9.0, 50.0), *(row(f"lead-{k}", float(k), 20.0 + k) for k in range(4, 12))]
    alarm = {"name": "lead_rate", "value": 90.0, "threshold": 80.0, "sentence": f"Copies the beginning {NASTY}."}
    settings = {"shown": {system: system, "lead-8": "lead-8"}, "notes": ["ROUGE F1"], "pairs": 5, "rouge": "F1"}
    return {"rows": rows, "alarms": [alarm], "symptoms": {}, "settings": settings, "split": "dev"}


def summary_config() -> dict[str, Any]:
    return {
        "task": "summarization",
        "data": {"documents": {"path": "nowhere/news/documents.txt"}, "dev": {"path": "nowhere/news/dev.jsonl"}},
        "stages": [{"name": "denoise", "steps": 60}, {"name": "adversarial", "steps": 40}],
        "adversarial": {"loss": "wasserstein", "language_prior": "forward", "estimator": "soft"},
        "objectives": {name: weight(1.0) for name in ("J_denoise", "J_cov", "J_critic", "J_gp", "J_gen", "J_lm")},
        "training": {"seed": 0, "max_steps": None, "patience": None},
    }


def summary_lines(steps: int, start: float = 1e9) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for step in range(10, steps + 1, 10):
        line: dict[str, Any] = {"step": step, "time": start + step, "train/denoise/J_denoise": 3.0 / step}
        line |= {"train/denoise/grad_norm": 1.0, "train/lambda/J_denoise": 1.0, "train/lambda/J_cov": 0.1}
        if step > 60:
            line |= {"train/critic/J_critic": -0.1, "train/critic/J_gp": 0.2, "train/generator/J_gen": 0.1}
        lines.append(line)
    dev = {"dev/score": 0.6, "dev/reconstruction": 0.7, "dev/fluency": 0.8, "dev/lead_rate": 2.0, "dev/order_ratio": 9}
    return [*lines, {"step": steps, "time": start + steps + 5, **dev}]


def write_run(
    folder: Path,
    config: dict[str, Any],
    lines: list[dict[str, Any]],
    evaluation: dict[str, Any] | None = None,
    fingerprint: str = "f" * 64,
    tail: str = "",
) -> Path:
    """Write a run; `tail` follows the last line of metrics.jsonl."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "environment.json").write_text(json.dumps(environment()))
    (folder / "data.json").write_text(json.dumps({"fingerprint": fingerprint, "train": 500, "labels": ["bad", "good"]}))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + tail)
    if evaluation is not None:
        (folder / "evaluation").mkdir()
        (folder / "evaluation" / "metrics.json").write_text(json.dumps(evaluation))
    return folder


def write_checkpoint(run: Path, step: int, **progress: Any) -> Path:
    """A checkpoint of one small file."""
    folder = run / "checkpoints" / f"step_{step:08d}"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"x" * 10)
    (folder / "manifest.json").write_text(json.dumps({"model.safetensors": {"bytes": 10, "sha256": ""}}))
    (folder / "state.json").write_text(json.dumps({"step": step, "progress": {"step": step, **progress}}))
    return folder


def age(run: Path, when: float) -> None:
    """Let everything in a run have been written at `when`."""
    for path in [run, *run.rglob("*")]:
        os.utime(path, (when, when))
