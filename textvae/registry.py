"""The tasks: their names in configurations and checkpoints, and where their classes are. Importing it loads none."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple


class TaskRow(NamedTuple):
    """Where the parts of a task are, each as `module:name`; all are loaded when they are first used.

    config: dataclass of its configuration. prepare(config, folder): reads the data. assemble(config, prepared,
    accelerator, reporter): puts the training together. model: class of what is saved, called `model_type` in
    config.json; purpose: what such a model does, for messages.
    """

    config: str
    prepare: str
    assemble: str
    model: str
    model_type: str
    purpose: str


TASKS: dict[str, TaskRow] = {
    "style_transfer": TaskRow(
        "textvae.config.style_transfer:ExperimentConfig",
        "textvae.experiment.preparation:prepare",
        "textvae.experiment.style_transfer:assemble",
        "textvae.models.style_content_vae:StyleContentVAE",
        "textvae_style_content",
        "transfers style (textvae transfer)",
    ),
    "summarization": TaskRow(
        "textvae.config.summarization:SummarizationConfig",
        "textvae.experiment.summarization:prepare",
        "textvae.experiment.summarization:assemble",
        "textvae.models.seq2seq2seq:Seq2Seq2Seq",
        "textvae_seq2seq2seq",
        "summarizes (textvae summarize)",
    ),
    "sentence_vae": TaskRow(
        "textvae.config.sentence_vae:SentenceExperimentConfig",
        "textvae.experiment.preparation:prepare_sentences",
        "textvae.experiment.sentence_vae:assemble",
        "textvae.models.sentence_vae:SentenceVAE",
        "textvae_sentence_vae",
        "encodes sentences and writes them from their vectors",
    ),
    "document_vae": TaskRow(
        "textvae.extras.documents.config:DocumentExperimentConfig",
        "textvae.extras.documents.task:prepare_documents",
        "textvae.extras.documents.task:assemble",
        "textvae.extras.documents.hierarchical_vae:HierarchicalVAE",
        "textvae_hierarchical_vae",
        "tells what a document's sentences share from what they do not",
    ),
    "tree": TaskRow(
        "textvae.extras.trees.config:TreeExperimentConfig",
        "textvae.experiment.preparation:prepare_sentences",
        "textvae.extras.trees.task:assemble",
        "textvae.extras.trees.compound_pcfg:CompoundPCFG",
        "textvae_tree",
        "finds the trees of sentences (textvae parse)",
    ),
}
"""What can be trained: the `task` of a configuration. The only list of tasks."""

MODELS: dict[str, TaskRow] = {row.model_type: row for row in TASKS.values()}
"""`model_type` of config.json → its task. A checkpoint names a row here and brings no code of its own."""


def resolve(path: str) -> Any:
    """The object that `module:name` means; imports the module."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
