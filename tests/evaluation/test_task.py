"""Outputs in every form become the same list, and numbers that disagree are told."""

from __future__ import annotations

import pytest

from textvae.errors import UserError
from textvae.evaluation.task import Transfer, TransferTask

TASK = TransferTask(["negative", "positive"], ["a", "b", "c"], [0, 1, 0], [["A"], [], ["C", "CC"]], source="my test")
THREE = TransferTask(["x", "y", "z"], ["a", "b"], [0, 2], [["A1", "A2"], ["B"]], [[1, 2], [0]])
EXPECTED = [Transfer(0, 1, "oa"), Transfer(1, 0, "ob"), Transfer(2, 1, "oc")]


def test_forms_agree() -> None:
    assert TASK.align(["oa", "ob", "oc"]) == EXPECTED
    assert TASK.align(["oa", "ob", "oc"], targets=[1, 0, 1]) == EXPECTED
    assert sorted(TASK.align({0: ["oa", "oc"], 1: ["ob"]})) == EXPECTED
    assert sorted(TASK.align(EXPECTED[::-1])) == EXPECTED


def test_a_part_of_the_labels_is_enough() -> None:
    assert TASK.align({1: ["ob"]}) == EXPECTED[1:2]
    assert TASK.align([]) == []


def test_references_are_those_of_the_target() -> None:
    assert [TASK.references(transfer) for transfer in EXPECTED] == [["A"], [], ["C", "CC"]]
    assert TASK.references(Transfer(0, 0, "")) == []
    assert THREE.references(Transfer(0, 1, "")) == ["A1"]
    assert THREE.references(Transfer(0, 2, "")) == ["A2"]
    assert THREE.references(Transfer(1, 1, "")) == []


def test_three_labels_without_reference_labels_have_no_references() -> None:
    task = TransferTask(["x", "y", "z"], ["a"], [0], [["A"]])
    assert task.references(Transfer(0, 1, "")) == []


@pytest.mark.parametrize(
    "outputs, targets, message",
    [
        (["oa"], None, "1 outputs, but my test has 3 sentences"),
        (["oa", "ob", "oc"], [1], "1 outputs, but my test has 3"),
        ({0: ["oa"]}, None, "1 outputs, but my test has 2 sentences with label 'negative'"),
        ({7: ["oa"]}, None, "0 sentences with label 7"),
        ([Transfer(3, 0, "x")], None, "no sentence number 3"),
        ([Transfer(-1, 0, "x")], None, "no sentence number -1"),
        ([Transfer(0, 2, "x")], None, "no label number 2"),
        (["oa", "ob", "oc"], [1, 0, 2], "no label number 2"),
    ],
)
def test_numbers_that_disagree(outputs: object, targets: list[int] | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        TASK.align(outputs, targets)  # type: ignore[arg-type]


def test_more_labels_need_targets() -> None:
    with pytest.raises(UserError, match="x, y, z"):
        THREE.align(["oa", "ob"])
    with pytest.raises(UserError, match="x, y, z"):
        THREE.align({0: ["oa"]})
    assert THREE.align(["oa", "ob"], [1, 0]) == [Transfer(0, 1, "oa"), Transfer(1, 0, "ob")]


def test_nothing_to_evaluate_on() -> None:
    with pytest.raises(UserError, match="no sentences"):
        TransferTask(["a", "b"], [], [])
    with pytest.raises(ValueError, match="2 labels"):
        TransferTask(["a", "b"], ["x"], [0, 1])
    with pytest.raises(ValueError, match="2 lists"):
        TransferTask(["a", "b"], ["x"], [0], [["y"], []])
