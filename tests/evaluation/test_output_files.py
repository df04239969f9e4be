"""Output files of any system: named, counted, read exactly; what is wrong is told with the file and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from textvae.errors import UserError
from textvae.evaluation.evaluator import Evaluator
from textvae.evaluation.output_files import evaluate_files, read_outputs
from textvae.evaluation.task import Transfer, TransferTask

from .reviews import restyle

TASK = TransferTask(["negative", "positive"], ["a", "b", "c"], [0, 1, 0])
THREE = TransferTask(["x", "y", "z"], ["a", "b", "c"], [0, 1, 2])
EXPECTED = [Transfer(0, 1, "oa"), Transfer(1, 0, "ob"), Transfer(2, 1, "oc")]


def write(folder: Path, files: dict[str, str]) -> list[Path]:
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8", newline="")
    return [folder / name for name in files]


@pytest.mark.parametrize("names", [("outputs.0", "outputs.1"), ("outputs.negative", "outputs.1.negative")])
def test_a_folder(tmp_path: Path, names: tuple[str, str]) -> None:
    write(tmp_path, {names[0]: "oa\noc\n", names[1]: "ob\n", "metrics.json": "{}", "outputs.md.0.x": "?"})
    assert sorted(read_outputs(TASK, [tmp_path])) == EXPECTED


def test_one_file_per_label_or_one_in_all(tmp_path: Path) -> None:
    assert sorted(read_outputs(TASK, write(tmp_path, {"n": "oa\noc", "p": "ob"}))) == EXPECTED
    assert read_outputs(TASK, write(tmp_path, {"all": "oa\nob\noc\n"})) == EXPECTED


def test_three_labels_by_names_of_directions(tmp_path: Path) -> None:
    write(tmp_path, {"outputs.x.z": "az\n", "outputs.0.1": "ay\n", "outputs.2.x": "cx\n"})
    assert sorted(read_outputs(THREE, [tmp_path])) == [Transfer(0, 1, "ay"), Transfer(0, 2, "az"), Transfer(2, 0, "cx")]
    write(tmp_path, {"outputs.1": "b?\n"})
    with pytest.raises(UserError, match="target"):
        read_outputs(THREE, [tmp_path])


def test_lines_are_ended_by_lf_alone(tmp_path: Path) -> None:
    paths = write(tmp_path, {"all": "\ufeffa\u2028a\r\n\nb\x85\x0cb\n"})
    assert [transfer.output for transfer in read_outputs(TASK, paths)] == ["a\u2028a", "", "b\x85\x0cb"]


@pytest.mark.parametrize(
    "files, message",
    [
        ({"outputs.0": "oa\n"}, r"outputs\.0 has 1 lines, but the test part has 2 sentences with label 'negative'"),
        ({"outputs.0": "oa\nob\noc\n"}, r"outputs\.0 has 3 lines, but the test part has 2"),
        (
            {"outputs.0": "a\nb\n", "outputs.negative": "a\nb\n"},
            "outputs.negative and .*outputs.0 are outputs of the same",
        ),
        ({"outputs.good": "a\n"}, r"outputs\.good: not a label of negative, positive"),
        ({"other": "a\n"}, "holds no file outputs.LABEL"),
    ],
)
def test_folders_that_do_not_fit(tmp_path: Path, files: dict[str, str], message: str) -> None:
    write(tmp_path, files)
    with pytest.raises(UserError, match=message):
        read_outputs(TASK, [tmp_path])


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="all has 1 lines, but the test part has 3 sentences:"):
        read_outputs(TASK, write(tmp_path, {"all": "oa\n"}))
    with pytest.raises(UserError, match="3 output files for 2 labels"):
        read_outputs(TASK, write(tmp_path, {"a": "", "b": "", "c": ""}))
    with pytest.raises(UserError, match="missing: cannot be read"):
        read_outputs(TASK, [tmp_path / "missing"])
    (tmp_path / "latin").write_bytes("a\nb\ncafé\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"latin:3: byte 4 \(0xe9\) is not UTF-8"):
        read_outputs(TASK, [tmp_path / "latin"])


def test_outputs_go_through_the_same_pipeline(evaluator: Evaluator, tmp_path: Path) -> None:
    """Raw outputs are as good as prepared ones: here the pipeline lower-cases."""
    task = evaluator.task
    for label in (0, 1):
        rows = [x for x, y in zip(task.inputs, task.input_labels, strict=True) if y == label]
        (tmp_path / f"outputs.{label}").write_text("\n".join(restyle(x, label, 1 - label).upper() for x in rows))
    row = evaluate_files(evaluator, [tmp_path], str.lower, name="theirs").row("theirs")
    assert row.sentences == 40
    assert row.measures["ref_bleu"].value == pytest.approx(100)
    assert row.measures["accuracy"].value > 90
