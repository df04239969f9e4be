"""`textvae evaluate`: score a run on its test set, or the outputs of any system."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_type_hints

from textvae.commands.args import dashed, options_parser, parsed
from textvae.config.parsing import task_of
from textvae.data.config import DataConfig
from textvae.errors import UserError
from textvae.evaluation.config import EvaluationConfig
from textvae.registry import TASKS, EvaluationRow, resolve
from textvae.text import TextConfig, prepare
from textvae.tokenization.style_words import StyleWordsConfig
from textvae.volume import note

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
  textvae evaluate runs/news --words 8 --examples 5                   # a summarizer
  textvae evaluate runs/news --split dev --step 1200 --save runs/news/evaluation-1200
  textvae evaluate runs/sentence_vae --samples 500 --split dev        # how a sentence autoencoder uses its latent
  textvae evaluate runs/document_vae --documents.swaps 20             # whether the mean of z2 tells the document
  textvae evaluate runs/trees --treebank my.trees --longest 30        # trees of a grammar against known ones
  textvae evaluate --outputs summaries.txt --references titles.txt    # summaries of any system
  textvae evaluate --outputs summaries.txt --references dev.jsonl --texts human.txt --train-documents articles.txt
"""
FLAGS = ("--quiet", "-q", "--verbose", "-v", "--help", "-h")
"""Options without a value."""
OF_SUMMARIES = ("--references", "--documents")
"""Options that say that the outputs are summaries."""


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
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    """How they are measured."""
    data: DataConfig = field(default_factory=DataConfig)
    """Without a run: where the test set is. With one only `--data.path`: where the run's data are now."""
    text: TextConfig = field(default_factory=TextConfig)
    """Without a run: how raw text becomes words."""
    style_words: StyleWordsConfig = field(default_factory=StyleWordsConfig)
    """Without a run: which words tell the style."""


FILES = EvaluationRow(
    "--outputs FILE (summaries)",
    "textvae.commands.evaluate_summaries:SummaryFileOptions",
    "textvae.commands.evaluate_summaries:evaluate_files",
)


def rows() -> list[EvaluationRow]:
    """All that can be evaluated: the runs of every task, and summaries in files."""
    return [*(task.evaluation for task in TASKS.values()), FILES]


def make_parser(prog: str, row: EvaluationRow = TASKS["style_transfer"].evaluation) -> Any:
    """Options of one row; in those of a style transfer, data, text and style words count only where there is no run."""
    options = resolve(row.options)
    parser = options_parser(
        prog, f"{prog} {row.title.partition(' (')[0]} [OPTION ...]", inspect.cleandoc(options.__doc__), EPILOG, options
    )
    if row.takes_run:
        parser.add_argument("run", nargs="?" if row.takes_outputs else None, help="run directory")
    if row.takes_outputs:
        parser.add_argument(
            "--outputs",
            nargs="+",
            metavar="FILE",
            help="outputs of any system: of a transfer a folder with outputs.LABEL, one file a label, or one for all; "
            "of summaries one file",
        )
    for name, full in shorts(row).items():
        parser.add_argument(name, help=f"short for {full}")
    return dashed(parser)


def row_of(argv: list[str]) -> EvaluationRow:
    """What the arguments are about."""
    if any(argument.partition("=")[0] in OF_SUMMARIES for argument in argv):
        return FILES
    run = run_of(argv)
    task = None if run is None else task_of(Path(run) / "config.yaml")
    return TASKS[task if task in TASKS else "style_transfer"].evaluation


def shorts(row: EvaluationRow) -> dict[str, str]:
    """Short names of options and what they stand for."""
    names = list(row.short)
    for name in row.short:
        if name.endswith(".*"):
            part = get_type_hints(resolve(row.options))[name.removesuffix(".*")]
            names += [f"{name[:-1]}{field.name}" for field in fields(part)]
            names.remove(name)
    return {f"--{name.rpartition('.')[2]}".replace("_", "-"): f"--{name}".replace("_", "-") for name in names}


def expanded(argv: list[str], row: EvaluationRow) -> list[str]:
    """The arguments with short names replaced."""
    short = shorts(row)
    parts = (argument.partition("=") for argument in argv)
    return [short.get(name.replace("_", "-"), name) + equals + value for name, equals, value in parts]


def run_of(argv: list[str]) -> str | None:
    """The word that names the run: no option, and not the value of one (a folder of results may lie in another run)."""
    option = ""
    for word in argv:
        if word.startswith("-"):
            option = "" if "=" in word or word in FLAGS else word
        elif not option:
            return word
        elif option != "--outputs":  # all others have one value
            option = ""
    return None


def print_help(prog: str) -> None:
    """The options of every row, then the examples."""
    for row in rows():
        parser = make_parser(prog, row)
        parser.epilog = ""
        print(f"---- {prog} {row.title}\n\n{parser.format_help()}")
    print(EPILOG)


def main(argv: list[str], prog: str = "textvae evaluate") -> int:
    """Exit code 0; UserError where the input is wrong."""
    if run_of(argv) is None and {"-h", "--help"} & set(argv):
        print_help(prog)
        raise SystemExit(0)
    row = row_of(argv)
    argv = expanded(argv, row)
    given, options = parsed(make_parser(prog, row), argv, resolve(row.options))
    work = resolve(row.work)
    if not row.takes_outputs:
        work(Path(given.run), options)
    elif not row.takes_run:
        work(given.outputs or [], options)
    else:
        moved = any(argument.startswith("--data.path") for argument in argv)
        work(given.run, given.outputs or [], options, moved)
    return 0


def evaluate(run: str | None, outputs: list[str], options: EvaluateOptions, moved: bool) -> None:
    """Prepare the instruments, obtain the outputs, print the table, save everything. moved: data.path was given."""
    from textvae.config import load_config
    from textvae.config.style_transfer import ExperimentConfig
    from textvae.evaluation.output_files import read_outputs, save_evaluation
    from textvae.experiment.evaluation import FinishedRun, checksum_of_test_set, evaluator_of_data

    if run is None and not outputs:
        raise UserError("give a run directory, or --outputs with the files to score; --help has examples")
    evaluation = options.evaluation
    if run is not None:
        config = load_config(Path(run) / "config.yaml")
        if moved:
            config.data = replace(config.data, path=options.data.path)
    else:
        config = ExperimentConfig(data=options.data, text=options.text, style_words=options.style_words)
    config.cache = options.cache or config.cache
    finished = None if run is None else FinishedRun(config, Path(run))
    if finished is not None and not outputs and len(config.data.attributes) > 1:
        evaluate_attributes(finished, options, evaluation)
        return
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


def add_judge(evaluator: Evaluator, folder: str | None, run: FinishedRun | None) -> None:
    """Report acceptance by the judge in a folder, else by that of the run, else not at all."""
    from textvae.evaluation.acceptance import load_judge
    from textvae.inference.acceptance import NAME
    from textvae.inference.scorers import FOLDER

    places = [Path(folder)] if folder else [run.folder / "best" / FOLDER] if run else []
    for place in places:
        if folder or (place / f"{NAME}.json").is_file():
            evaluator.accept_by(load_judge(place), "by the judge that is given" if folder else "by its judge")


def evaluate_attributes(run: FinishedRun, options: EvaluateOptions, evaluation: EvaluationConfig) -> None:
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
