"""Anomaly detection, one class in: every topic in turn is the clean one, all others are foreign.

For each topic an autoencoder is trained on the topic's training documents alone (or one given RUN serves all topics), a
detector is fitted to them, and held-out documents of all topics are scored; beside it a one-class SVM and an isolation
forest on TF-IDF of the same documents. A document is its title and first paragraph.

    python scripts/one_class.py reuters/train.jsonl reuters/dev.jsonl --topics earn acq crude --output one_class.json
    python scripts/one_class.py reuters/train.jsonl reuters/dev.jsonl --run runs/sentences --topics earn acq

Protocol: Ruff et al. 2019, "Self-attentive, multi-context one-class classification for unsupervised anomaly detection
on text" (CVDD). A document with several topics is of none: it is left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import OneClassSVM

from textvae.experiment.machine import commit, processor
from textvae.extras.detection.detector import Detector, DetectorSettings
from textvae.extras.detection.metrics import quality
from textvae.files import write_json
from textvae.inference.latents.space import LatentSpace
from textvae.text import prepare, split_sentences

ROOT = Path(__file__).resolve().parents[1]
Documents = dict[str, list[str]]


def read(path: Path) -> Documents:
    """Topic to its documents."""
    found: Documents = {}
    with open(path, encoding="utf-8") as handle:
        for row in map(json.loads, handle):
            if len(row["topics"]) == 1 and row["body"]:
                found.setdefault(row["topics"][0], []).append(f"{row['title'].lower()} . {row['body'][0]}")
    return found


def train(documents: list[str], folder: Path, arguments: list[str]) -> Path:
    """A sentence autoencoder of the documents' sentences; returns its run."""
    lines = [s for document in documents for s in split_sentences(document)]
    held = max(1, len(lines) // 20)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.txt").write_text("\n".join(lines[held:]) + "\n", encoding="utf-8")
    (folder / "dev.txt").write_text("\n".join(lines[:held]) + "\n", encoding="utf-8")
    run = folder / "run"
    data = ["--data.source", "lines", "--data.labels", "null", "--data.path", str(folder), "--run", str(run)]
    subprocess.run([sys.executable, str(ROOT / "train.py"), *arguments, *data], check=True, cwd=ROOT)
    return run


def baselines(clean: list[str], test: list[str], seed: int) -> dict[str, np.ndarray]:
    """Scores of others: one-class SVM (ν = .1, RBF) and isolation forest on TF-IDF, high for foreign documents."""
    words = TfidfVectorizer(tokenizer=str.split, token_pattern=None, lowercase=False, min_df=2, sublinear_tf=True)
    fitted = words.fit_transform([prepare(d) for d in clean])
    asked = words.transform([prepare(d) for d in test])
    svm = OneClassSVM(nu=0.1, gamma="scale").fit(fitted)
    forest = IsolationForest(random_state=seed).fit(fitted)
    return {
        "TF-IDF + one-class SVM": -svm.decision_function(asked),
        "TF-IDF + isolation forest": -forest.decision_function(asked),
    }


def main() -> None:
    """Run the protocol."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("train", type=Path, help="jsonl with title, body (a list of paragraphs), topics")
    add("test", type=Path)
    add("--topics", nargs="+", default=["earn", "acq", "crude", "trade", "money-fx", "interest", "ship"])
    add("--clean", nargs="+", help="topics that are the clean one in turn (default: all of --topics)")
    add("--run", type=Path, help="one model for all topics, instead of one trained for each")
    add("--folder", type=Path, default=Path("runs/one_class"), help="where the models go")
    add("--documents", type=int, default=2000, help="clean documents of a topic at most")
    add("--seed", type=int, default=0)
    add("--output", type=Path, help="JSON with all numbers")
    args, options = parser.parse_known_args()
    began = time.monotonic()
    options = options or ["--config", "configs/sentence_vae/gaussian.yaml", "--data.max_tokens", "40"]
    clean, test = read(args.train), read(args.test)
    rows: dict[str, dict[str, dict[str, float]]] = {}
    counts: dict[str, dict[str, int]] = {}
    for topic in args.clean or args.topics:
        documents = clean[topic][: args.documents]
        asked = [(d, name != topic) for name in args.topics for d in test.get(name, [])]
        texts, foreign = [d for d, _ in asked], np.array([f for _, f in asked])
        scores = baselines(documents, texts, args.seed)
        run = args.run or train(documents, args.folder / topic, options)
        detector = Detector.fit(LatentSpace.from_pretrained(run), documents, DetectorSettings(seed=args.seed))
        scores |= detector.score(texts)
        rows[topic] = {name: asdict(quality(values, foreign)) for name, values in scores.items()}
        counts[topic] = {"clean": len(documents), "asked": len(texts), "foreign": int(foreign.sum())}
        print(f"{topic}: {counts[topic]}")
        for name, found in rows[topic].items():
            print(f"  {name:26} " + "  ".join(f"{k} {100 * v:5.1f}" for k, v in found.items()), flush=True)
    means = {name: float(np.mean([r[name]["auroc"] for r in rows.values()])) for name in next(iter(rows.values()))}
    print("mean AUROC: " + ", ".join(f"{name} {100 * value:.1f}" for name, value in means.items()))
    if args.output is not None:
        facts = {"command": " ".join(["one_class.py", *sys.argv[1:]]), "commit": commit(), "processor": processor()}
        facts |= {"seed": args.seed, "minutes": round((time.monotonic() - began) / 60, 1), "documents": counts}
        write_json(args.output, {**facts, "topics": rows, "mean_auroc": means})


if __name__ == "__main__":
    main()
