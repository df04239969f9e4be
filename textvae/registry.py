"""The tasks and the models that come along: what they are called, and where they are. Importing it loads none."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple


class EvaluationRow(NamedTuple):
    """One kind of `textvae evaluate`: its usage, dataclass of options, and what does the work with them.

    short: options that may be given by their last part alone, `--words` for `--decoding.words`; `*` is every one. What
    takes no outputs is called with (run, options), what takes no run with (outputs, options).
    """

    title: str
    options: str
    work: str
    short: tuple[str, ...] = ()
    takes_run: bool = False
    takes_outputs: bool = True


class TaskRow(NamedTuple):
    """Where the parts of a task are, each as `module:name`; all are loaded when they are first used.

    config: dataclass of its configuration. prepare(config, folder): reads the data. assemble(config, prepared,
    accelerator, reporter): puts the training together. model: class of what is saved, called `model_type` in
    config.json; purpose: what such a model does, for messages. evaluation: its `textvae evaluate`.
    """

    config: str
    prepare: str
    assemble: str
    model: str
    model_type: str
    purpose: str
    evaluation: EvaluationRow


TASKS: dict[str, TaskRow] = {
    "style_transfer": TaskRow(
        "textvae.config.style_transfer:ExperimentConfig",
        "textvae.experiment.preparation:prepare",
        "textvae.experiment.style_transfer:assemble",
        "textvae.models.style_content_vae:StyleContentVAE",
        "textvae_style_content",
        "transfers style (textvae transfer)",
        EvaluationRow(
            "[RUN] [--outputs FILE ...] (a style transfer)",
            "textvae.commands.evaluate:EvaluateOptions",
            "textvae.commands.evaluate:evaluate",
            ("decoding.strength", "decoding.beam"),
            takes_run=True,
        ),
    ),
    "summarization": TaskRow(
        "textvae.config.summarization:SummarizationConfig",
        "textvae.experiment.summarization:prepare",
        "textvae.experiment.summarization:assemble",
        "textvae.models.seq2seq2seq:Seq2Seq2Seq",
        "textvae_seq2seq2seq",
        "summarizes (textvae summarize)",
        EvaluationRow(
            "RUN (a summarizer)",
            "textvae.commands.evaluate_summaries:SummarizerOptions",
            "textvae.commands.evaluate_summaries:evaluate_summarizer",
            (
                "decoding.words",
                "decoding.ratio",
                "decoding.min_words",
                "decoding.choose_length",
                "decoding.free_length",
                "decoding.beam",
                "decoding.length_penalty",
                "decoding.reconstruction",
                "decoding.phrases",
                "decoding.lead",
                "decoding.no_repeat_ngram",
            ),
            takes_run=True,
            takes_outputs=False,
        ),
    ),
    "sentence_vae": TaskRow(
        "textvae.config.sentence_vae:SentenceExperimentConfig",
        "textvae.experiment.preparation:prepare_sentences",
        "textvae.experiment.sentence_vae:assemble",
        "textvae.models.sentence_vae:SentenceVAE",
        "textvae_sentence_vae",
        "encodes sentences and writes them from their vectors",
        EvaluationRow(
            "RUN (a sentence autoencoder)",
            "textvae.experiment.sentence_evaluation:SentenceOptions",
            "textvae.experiment.sentence_evaluation:evaluate",
            ("diagnostics.samples",),
            takes_run=True,
            takes_outputs=False,
        ),
    ),
    "document_vae": TaskRow(
        "textvae.extras.documents.config:DocumentExperimentConfig",
        "textvae.extras.documents.task:prepare_documents",
        "textvae.extras.documents.task:assemble",
        "textvae.extras.documents.hierarchical_vae:HierarchicalVAE",
        "textvae_hierarchical_vae",
        "tells what a document's sentences share from what they do not",
        EvaluationRow(
            "RUN (a hierarchical VAE)",
            "textvae.extras.documents.evaluation:DocumentOptions",
            "textvae.extras.documents.evaluation:evaluate",
            takes_run=True,
            takes_outputs=False,
        ),
    ),
    "tree": TaskRow(
        "textvae.extras.trees.config:TreeExperimentConfig",
        "textvae.experiment.preparation:prepare_sentences",
        "textvae.extras.trees.task:assemble",
        "textvae.extras.trees.compound_pcfg:CompoundPCFG",
        "textvae_tree",
        "finds the trees of sentences (textvae parse)",
        EvaluationRow(
            "RUN (a grammar)",
            "textvae.extras.trees.evaluation:TreeOptions",
            "textvae.extras.trees.evaluation:evaluate",
            takes_run=True,
            takes_outputs=False,
        ),
    ),
}
"""What can be trained: the `task` of a configuration. The only list of tasks."""

MODELS: dict[str, TaskRow] = {row.model_type: row for row in TASKS.values()}
"""`model_type` of config.json → its task. A checkpoint names a row here and brings no code of its own."""


def resolve(path: str) -> Any:
    """The object that `module:name` means; imports the module."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


FOLDER = Path(__file__).resolve().parent / "pretrained"
"""Where they are."""


def shipped() -> list[str]:
    """Their names."""
    return sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir()) if FOLDER.is_dir() else []


def folder_of(name: str) -> Path:
    """Where the one of this name is."""
    return FOLDER / name
