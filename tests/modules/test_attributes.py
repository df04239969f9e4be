"""Labels of several attributes in one table, and of one as they always were."""

from __future__ import annotations

import torch

from tests.laws import assert_close
from textvae.modules.attributes import LabelGroups, columns
from textvae.modules.statistics import ClassStatistics, LinearDiscriminant, LinearEraser

SIZES = (3, 2, 4)


def labelled(rows: int = 4000) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors (N, 6) in which three attributes that go together can be read, and their labels (N, 3)."""
    torch.manual_seed(0)
    first = torch.randint(3, (rows,))
    second = torch.where(torch.rand(rows) < 0.7, (first > 0).long(), torch.randint(2, (rows,)))
    labels = torch.stack([first, second, torch.randint(4, (rows,))], dim=1)
    z = torch.randn(rows, 12, dtype=torch.float64)
    for attribute, size in enumerate(SIZES):
        z += torch.randn(size, 12, dtype=torch.float64)[labels[:, attribute]]
    return z, labels


def test_rows_blocks_and_centres() -> None:
    groups = LabelGroups.of(SIZES)
    table, labels = torch.randn(9, 5), torch.tensor([[2, 0, 3], [0, 1, 0]])
    assert groups.total == 9 and len(groups) == 3 and groups.offsets == (0, 3, 5)
    assert groups.rows(labels).tolist() == [[2, 3, 8], [0, 4, 5]]
    assert torch.equal(groups.joined(table, labels)[0], torch.cat((table[2], table[3], table[8])))
    assert_close(groups.centre(table), torch.cat((table[:3].mean(0), table[3:5].mean(0), table[5:].mean(0))), 1e-6)
    assert [x.shape[-1] for x in groups.split(torch.randn(2, 9))] == list(SIZES)


def test_the_one_attribute_needs_no_second_dimension() -> None:
    groups, table, labels = LabelGroups.of(3), torch.randn(3, 5), torch.tensor([2, 0, 2])
    assert torch.equal(groups.joined(table, labels), table[labels])
    assert torch.equal(groups.joined(table, labels[:, None]), table[labels])
    assert torch.equal(groups.centre(table), table.mean(0))
    assert [x.tolist() for x in columns(labels)] == [[2, 0, 2]]


def test_statistics_of_several_attributes_are_those_of_each() -> None:
    z, labels = labelled(200)
    both, alone = ClassStatistics(12, SIZES, 0.9).double(), [ClassStatistics(12, size, 0.9).double() for size in SIZES]
    for part, y in zip(z.split(100), labels.split(100), strict=True):
        both.observe(part, y)
        for attribute, statistics in enumerate(alone):
            statistics.observe(part, y[:, attribute])
    assert_close(both.means, torch.cat([s.means for s in alone]), 1e-12)
    assert_close(both.shares, torch.cat([s.shares for s in alone]), 1e-12)
    for one, within in zip(alone, both.within(), strict=True):
        assert_close(both.covariance(), one.covariance(), 1e-12)
        assert_close(within, one.within()[0], 1e-12)


def test_the_discriminant_of_several_attributes_is_one_for_each() -> None:
    z, labels = labelled(200)
    both = LinearDiscriminant(12, SIZES).double()
    both.observe(z, labels)
    for attribute, logits in enumerate(LabelGroups.of(SIZES).split(both(z))):
        alone = LinearDiscriminant(12, SIZES[attribute]).double()
        alone.observe(z, labels[:, attribute])
        assert_close(logits, alone(z), 1e-9)
        assert (logits.argmax(1) == labels[:, attribute]).double().mean() > 0.5


def test_erasure_leaves_no_linear_reader_any_attribute() -> None:
    z, labels = labelled()
    eraser = LinearEraser(12, SIZES, ridge=1e-9).double()
    eraser.fit(z, labels)
    erased = eraser(z)
    for attribute, size in enumerate(SIZES):
        means = torch.stack([erased[labels[:, attribute] == k].mean(0) for k in range(size)])
        assert_close(means, erased.mean(0).expand(size, -1), 1e-6)
        before = torch.stack([z[labels[:, attribute] == k].mean(0) for k in range(size)])
        assert (before - z.mean(0)).abs().max() > 0.1
    assert torch.linalg.matrix_rank(erased - erased.mean(0), tol=1e-6) == 12 - sum(SIZES) + len(SIZES)
