"""How well each metric agrees with readers, output by output: results/judges/agreement.{json,md}.

    python scripts/judge_agreement.py configs/yelp/style_content_vae.yaml --judge yelp --marks MARKS.tsv ...
    python scripts/judge_agreement.py ... --language-model FOLDER --encoder FOLDER    # the reporting judge too

AUC: how often an accepted output has a higher value than a refused one (.5: chance). ρ: Spearman's rank correlation
with the single marks of style, content and English (grammar). Rows of acceptance are held out: what gave the value saw
no rewriting of the same source.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import sacrebleu
from scipy.stats import spearmanr

from textvae.config import load_config
from textvae.evaluation.acceptance import PretrainedReading, ReportingJudge
from textvae.evaluation.config import EvaluationConfig
from textvae.evaluation.metrics import cosines, word_overlaps
from textvae.experiment.acceptance import CHEAP, Fitting, Marks, agreement, read_marks
from textvae.experiment.evaluation import evaluator_of_data
from textvae.experiment.machine import commit
from textvae.files import atomic_write, write_json
from textvae.inference.acceptance import AcceptanceJudge
from textvae.inference.loading import locate
from textvae.inference.rewriting_features import FEATURES
from textvae.inference.scorers import FOLDER
from textvae.text import prepare

PLACE = Path("results/judges")
SINGLE = {"style": "ρ style", "content": "ρ content", "english": "ρ English", "grammar": "ρ English"}


def metrics(evaluator: Any, marks: Marks) -> dict[str, np.ndarray]:
    """What the instruments of `textvae evaluate` say of each output, higher is better; (N,) each."""
    parts, labels = evaluator.instruments, evaluator.task.labels
    sources, outputs = ([prepare(text) for text in side] for side in (marks.sources, marks.outputs))
    targets = np.array([labels.index(target) for target in marks.targets])
    rows = np.arange(len(marks))
    scores = parts.language_model.score(outputs)
    found = {f"ACC {judge.name}: P(target)": judge.probabilities(outputs)[rows, targets] for judge in parts.judges}
    pairs = zip(outputs, sources, strict=True)
    return found | {
        "self-BLEU (of a sentence)": np.array([sacrebleu.sentence_bleu(y, [x]).score for y, x in pairs]),
        "PPL: log p a word": scores.log_prob / scores.tokens,
        "word overlap": word_overlaps(outputs, sources, parts.excluded),
        "cosine": cosines(outputs, sources, parts.excluded, parts.vectors),
    }


def accepted(judge: AcceptanceJudge, all_marks: Sequence[Marks], names: tuple[str, str]) -> dict[str, list[np.ndarray]]:
    """Held-out P of all files, by name; names: of a regression on cheap features (or "") and of the judge."""
    features = np.concatenate([judge.features(m.sources, m.outputs, m.targets) for m in all_marks])
    rows = {names[1]: features}
    if names[0]:
        rows = {names[0]: features[:, [FEATURES.index(name) for name in CHEAP]], **rows}
    ends = np.cumsum([len(m) for m in all_marks])[:-1]
    return {name: np.split(Fitting().held_out(x, all_marks), ends) for name, x in rows.items()}


def row(value: np.ndarray, marks: Marks, probability: bool) -> dict[str, Any]:
    """AUC with its interval and the correlations; ECE and Brier score of probabilities."""
    found = agreement(value, marks)
    kept = found if probability else {"auc": found["auc"]}
    single = [name for name in marks.columns if name in SINGLE]
    return {**kept, **{SINGLE[n]: float(spearmanr(value, marks.columns[n]).statistic) for n in single}}


def markdown(found: dict[str, dict[str, dict[str, Any]]]) -> str:
    """A table for each file of marks."""
    lines: list[str] = []
    for marks, rows in found.items():
        lines += [f"\n{marks}\n", "| | AUC | ECE | ρ style | ρ content | ρ English |", "|---|---|---|---|---|---|"]
        for name, values in rows.items():
            auc = "{value:.3f} ({low:.3f}-{high:.3f})".format(**values["auc"])
            ece = f"{values['ece']['value']:.3f}" if "ece" in values else ""
            rho = (f"{values[key]:.2f}" if key in values else "" for key in dict.fromkeys(SINGLE.values()))
            lines.append(f"| {name} | {auc} | {ece} | " + " | ".join(rho) + " |")
    return "\n".join(lines).strip() + "\n"


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="YAML file of a run: the data that the instruments learn from")
    parser.add_argument("--data-path", help="where the data are, if not where the file says")
    parser.add_argument("--cache", help="folder of instruments")
    parser.add_argument("--train-sentences", type=int, default=300_000, help="at most so many for the instruments")
    parser.add_argument("--judge", type=Path, required=True, help="run, model or folder with a judge of acceptance")
    parser.add_argument("--marks", type=Path, nargs="+", required=True)
    parser.add_argument("--language-model", help="folder or hub name, for the reporting judge")
    parser.add_argument("--encoder", help="the same of a sentence encoder")
    parser.add_argument("--output", type=Path, default=PLACE)
    args = parser.parse_args()
    config = load_config(args.config)
    config.data = replace(config.data, path=args.data_path or config.data.path)
    config.cache = args.cache or config.cache
    marks = [read_marks(path) for path in args.marks]
    evaluator = evaluator_of_data(config, EvaluationConfig(max_train_sentences=args.train_sentences), "dev")
    found = {m.name: {name: row(x, m, False) for name, x in metrics(evaluator, m).items()} for m in marks}
    here = (args.judge / "acceptance.json").is_file()
    judge = AcceptanceJudge.load(args.judge if here else locate(args.judge)[0] / FOLDER)
    held = accepted(judge, marks, ("all cheap features", "acceptance"))
    read = [m for m in marks if "accept" in m.columns]
    if args.language_model and args.encoder:  # files of verdicts only: the language model reads 20 sentences a second
        large = ReportingJudge.of(judge, PretrainedReading(args.language_model, args.encoder))
        held |= accepted(large, read, ("", "acceptance, reporting"))
    for name, parts in held.items():
        for m, p in zip(read if "reporting" in name else marks, parts, strict=True):
            found[m.name][name] = row(p, m, True)
    write_json(
        args.output / "agreement.json", {"marks": found, "commit": commit(), "train_sentences": args.train_sentences}
    )
    with atomic_write(args.output / "agreement.md") as handle:
        handle.write(markdown(found))
    print(markdown(found))


if __name__ == "__main__":
    main()
