"""The strength that is stored with a model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from textvae.errors import UserError
from textvae.evaluation.config import SelectionConfig
from textvae.evaluation.selection import SelectionScore
from textvae.evaluation.validation import Validator


def chosen(accuracies: dict[float, float], wanted: float) -> tuple[float, list[float]]:
    """The strength chosen where strength s would reach accuracies[s], and the strengths that were decoded."""
    tried: list[float] = []

    class Faked(Validator):
        dev_score: Any = staticmethod(lambda outputs: SelectionScore(0.5, accuracies[outputs[0]], 0.3, 0.5, 0.0))

        def transfers(self, model: Any, strength: float) -> Any:
            tried.append(strength)
            return [strength]

    validator = Faked.__new__(Faked)
    validator.config = SelectionConfig(strengths=tuple(accuracies), accuracy=wanted)
    return validator.choose_strength(SimpleNamespace())[0], tried  # type: ignore[arg-type]


def test_the_first_strength_that_is_accurate_enough() -> None:
    assert chosen({1.0: 0.7, 2.0: 0.91, 4.0: 0.99}, 0.9) == (2.0, [1.0, 2.0])


def test_the_most_accurate_where_none_is() -> None:
    assert chosen({1.0: 0.7, 2.0: 0.8, 4.0: 0.75}, 0.9) == (2.0, [1.0, 2.0, 4.0])


@pytest.mark.parametrize("options", [{"strengths": ()}, {"accuracy": 1.5}])
def test_no_strength_and_no_share_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="selection"):
        SelectionConfig(**options)
