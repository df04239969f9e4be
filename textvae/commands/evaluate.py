"""`textvae evaluate`: score a run on its test set, or the outputs of any system."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from textvae.data.config import DataConfig
from textvae.errors import UserError
from textvae.evaluation.config import EvaluationConfig
from textvae.text import TextConfig, prepare
from textvae.tokenization.style_words import StyleWordsConfig
from textvae.volume import add_volume, note, set_volume

if TYPE_CHECKING:
    from textvae.evaluation.evaluator import Evaluator
    from textvae.evaluation.task import Transfer
    from textvae.experiment.evaluation import FinishedRun

EPILOG = """exit codes:
  0  done       2  wrong input: no such run, files that do not fit the test set, data that moved

examples:
  textvae evaluate runs/yelp
  textvae evaluate runs/yelp --strength 1.5 --examples 10
  textvae evaluate runs/yelp --split dev --decoding.rerank true --save runs/yelp/reranked
  textvae evaluate --outputs outputs.0 outputs.1 --data.path data/yelp
  textvae evaluate runs/news --words 8                                # a summarizer: its --help is its own
  textvae evaluate runs/sentence_vae --samples 500                    # how a sentence autoencoder uses its latent
  textvae evaluate runs/document_vae                                  # whether the mean of z2 tells the document
  textvae evaluate runs/trees --treebank my.trees                     # trees of a grammar against known ones
  textvae evaluate --outputs summaries.txt --references titles.txt    # summaries of any system
"""


@dataclass
class Decoding:
    """How the run's outputs are written."""

    strength: float | None = None
    """0 is a neutral style, 1 the target's own, above 1 an exaggeration. Default: as chosen on dev by the training."""
    beam: int | None = None
    """Beam width; 1 is greedy. Default: 1, or as reranking needs."""
    keep: Literal["label", "latent"] = "label"
    """Several attributes: how those that do not change are kept, by the vector of the label found or the text's z."""
    rerank: bool = False
    """Order candidates by style, content and fluency (after `textvae fit-scorers RUN`)."""
    rerank_candidates: int | None = None
    """How many are ranked. Default: as tuned."""
    retrieve: int = 0
    """Rank so many sentences of the training data too."""
    retrieve_only: bool = False
    """Write nothing, give the nearest sentence of the training data in the target style: a baseline."""
    revise: bool = False
    """Search for a better latent by gradient, sentence by sentence (slow)."""


@dataclass
class EvaluateOptions:
    """What to score, on what, and where the result goes."""

    name: str | None = None
    """Name of the system in the table."""
    split: Literal["test", "dev"] = "test"
    """Part of the data to transfer."""
    examples: int = 0
    """Print so many transfers of each label."""
    save: str | None = None
    """Folder for metrics.json and the outputs. Default: RUN/evaluation (nothing is saved without a run)."""
    cache: str | None = None
    """Folder of judges and prepared data. Default: that of the run, or ~/.cache/textvae."""
    judge: str | None = None
    """Folder of a judge of acceptance (`textvae fit-judge`). Default: that of the run, if it has one."""
    decoding: Decoding = field(default_factory=Decoding)
    """How the run's outputs are written."""


def make_parser(prog: str) -> Any:
    """Options of the command; those of data, text and style words count only where there is no run."""
    import jsonargparse

    from textvae.config.parsing import Formatter

    jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = jsonargparse.ArgumentParser(
        prog=prog,
        usage=f"{prog} [RUN] [--outputs FILE ...] [OPTION ...]",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=Formatter,
    )
    parser.add_argument("run", nargs="?", help="run directory")
    parser.add_argument(
        "--outputs",
        nargs="+",
        metavar="FILE",
        help="outputs of any system instead: a folder with outputs.LABEL, one file a label, or one for all",
    )
    parser.add_argument("--strength", type=float, help="short for --decoding.strength")
    parser.add_argument("--beam", type=int, help="short for --decoding.beam")
    parser.add_class_arguments(EvaluateOptions)
    parser.add_argument("--evaluation", type=EvaluationConfig, default=EvaluationConfig())
    parser.add_argument("--data", type=DataConfig, default=DataConfig())
    parser.add_argument("--text", type=TextConfig, default=TextConfig())
    parser.add_argument("--style_words", type=StyleWordsConfig, default=StyleWordsConfig())
    add_volume(parser)
    return parser


def main(argv: list[str], prog: str = "textvae evaluate") -> int:
    """Exit code 0, or 2 where the input is wrong. Summaries, and runs of a summarizer, have commands of their own."""
    from textvae.commands import (
        evaluate_document_vae,
        evaluate_sentence_vae,
        evaluate_summaries,
        evaluate_summarizer,
        evaluate_trees,
    )
    from textvae.config.parsing import task_of

    if evaluate_summaries.wanted(argv):
        return evaluate_summaries.main(argv, prog)
    tasks = {task_of(Path(argument) / "config.yaml") for argument in argv}
    if "summarization" in tasks:
        return evaluate_summarizer.main(argv, prog)
    if "sentence_vae" in tasks:
        return evaluate_sentence_vae.main(argv, prog)
    if "document_vae" in tasks:
        return evaluate_document_vae.main(argv, prog)
    if "tree" in tasks:
        return evaluate_trees.main(argv, prog)
    parser = make_parser(prog)
    namespace = parser.parse_args(argv)
    built = parser.instantiate_classes(namespace)
    set_volume(built)
    options = EvaluateOptions(**{name: getattr(built, name) for name in EvaluateOptions.__dataclass_fields__})
    outputs: list[str] = built.outputs or []
    given = {name: getattr(built, name) for name in ("strength", "beam") if getattr(built, name) is not None}
    options.decoding = replace(options.decoding, **given)
    if built.run is None and not outputs:
        raise UserError("give a run directory, or --outputs with the files to score; --help has examples")
    moved = any(arg.startswith("--data.path") for arg in argv)
    return evaluate(built.run, outputs, options, built.evaluation, built.data, built.text, built.style_words, moved)


def evaluate(
    run: str | None,
    outputs: list[str],
    options: EvaluateOptions,
    evaluation: EvaluationConfig,
    data: DataConfig,
    text: TextConfig,
    style_words: StyleWordsConfig,
    moved: bool,
) -> int:
    """Prepare the instruments, obtain the outputs, print the table, save everything."""
    from textvae.config import load_config
    from textvae.config.style_transfer import ExperimentConfig
    from textvae.evaluation.output_files import read_outputs, save_evaluation
    from textvae.experiment.evaluation import FinishedRun, checksum_of_test_set, evaluator_of_data

    if run is not None:
        config = load_config(Path(run) / "config.yaml")
        if moved:
            config.data = replace(config.data, path=data.path)
    else:
        config = ExperimentConfig(data=data, text=text, style_words=style_words)
    config.cache = options.cache or config.cache
    finished = None if run is None else FinishedRun(config, Path(run))
    if finished is not None and not outputs and len(config.data.attributes) > 1:
        return evaluate_attributes(finished, options, evaluation)
    evaluator = (
        finished.evaluator(evaluation, options.split)
        if finished is not None
        else evaluator_of_data(config, evaluation, options.split)
    )
    add_judge(evaluator, options.judge, finished)
    if outputs:
        found = read_outputs(evaluator.task, [Path(path) for path in outputs])
        transfers = [t._replace(output=prepare(t.output, config.text)) for t in found]
        extra: dict[str, Any] = {"outputs": outputs}
    else:
        assert finished is not None
        if options.decoding.strength is None:
            options.decoding.strength = finished.transfer.model.config.transfer_strength
        transfers, speed = finished.write(evaluator.task, **vars(options.decoding))
        extra = {
            "decoding": vars(options.decoding),
            "speed": speed,
            "probes": finished.probes(),
        }
    extra |= {"split": options.split, "test_set": checksum_of_test_set(evaluator.task.inputs)}
    result = evaluator.score(transfers, name=options.name or (Path(run).name if run else "system"))
    folder = options.save or (str(Path(run) / "evaluation") if run and not outputs else None)
    if folder:  # before anything is printed: a reader such as `head` may close the pipe
        save_evaluation(Path(folder), {**result.to_dict(), **extra}, evaluator.task, transfers)
    print(result.table())
    show_probes(extra)
    for line in examples(evaluator, transfers, options.examples):
        print(line)
    if folder:
        note(f"saved in {folder}")
    return 0


def add_judge(evaluator: Evaluator, folder: str | None, run: FinishedRun | None) -> None:
    """Report acceptance by the judge in a folder, else by that of the run, else not at all."""
    from textvae.inference.acceptance import NAME, AcceptanceJudge
    from textvae.inference.scorers import FOLDER

    places = [Path(folder)] if folder else [run.folder / "best" / FOLDER] if run else []
    for place in places:
        if folder or (place / f"{NAME}.json").is_file():
            evaluator.accept_by(AcceptanceJudge.load(place), "by the judge that is given" if folder else "by its judge")


def evaluate_attributes(run: FinishedRun, options: EvaluateOptions, evaluation: EvaluationConfig) -> int:
    """The same of a run with several attributes: each changed alone, then all; one folder of results for each."""
    from textvae.evaluation.output_files import save_evaluation
    from textvae.experiment.attributes import AttributeEvaluation
    from textvae.files import write_json

    if options.decoding.strength is None:
        options.decoding.strength = run.transfer.model.config.transfer_strength
    measured = AttributeEvaluation(run, evaluation, options.split)
    folder, decoding = Path(options.save or run.folder / "evaluation"), vars(options.decoding)
    summary: dict[str, Any] = {"attributes": {}, "decoding": decoding, "probes": measured.probes()}
    for changed in measured(options.name or run.folder.name, **decoding):
        evaluator = changed.evaluator
        found = {**changed.to_dict(), "decoding": decoding}
        save_evaluation(folder / changed.name, found, evaluator.task, changed.transfers)
        summary["attributes"][changed.name] = {"accuracy": changed.accuracy, "inputs": changed.inputs}
        print(f"\n== changed: {changed.name}\n{changed.result.table()}\n", *changed.lines(), sep="\n")
        for line in examples(evaluator, changed.transfers, options.examples):
            print(line)
    write_json(folder / "metrics.json", summary)
    show_probes(summary)
    note(f"saved in {folder}")
    return 0


def show_probes(extra: dict[str, Any]) -> None:
    """One line a space."""
    for space, found in extra.get("probes", {}).items():
        network = found["nonlinear_accuracy"]
        also = "" if network is None else f", {network:.3f} by a network"
        what = space if " from " in space else f"style read from {space}"
        print(f"{what}: {found['accuracy']:.3f} by a linear probe{also} (majority {found['majority']:.3f})")


def examples(evaluator: Evaluator, transfers: list[Transfer], count: int) -> list[str]:
    """`count` transfers for each direction, evenly spaced over the test set, the reference beside them."""
    task = evaluator.task
    lines: list[str] = []
    for source, target in sorted({(int(task.input_labels[t.row]), t.target) for t in transfers}):
        chosen = [t for t in transfers if int(task.input_labels[t.row]) == source and t.target == target]
        step = max(len(chosen) // count, 1) if count else 1
        if count:
            lines.append(f"\n{task.labels[source]} → {task.labels[target]}")
        for transfer in chosen[::step][:count]:
            lines += [f"  input      {task.inputs[transfer.row]}", f"  output     {transfer.output}"]
            lines += [f"  reference  {text}" for text in task.references(transfer)[:1]] + [""]
    return lines
