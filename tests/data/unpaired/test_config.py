"""Contradictions in the configuration are told when it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from textvae.data.unpaired.config import FilesConfig, PairsConfig, SideConfig, UnpairedDataConfig
from textvae.errors import UserError

BAD: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    (FilesConfig, {"format": "xml"}, "format is 'xml'"),
    (FilesConfig, {"paragraphs": "last"}, "paragraphs is 'last'"),
    (FilesConfig, {"delimiter": ";;"}, "delimiter is ';;'"),
    (FilesConfig, {"max_line_chars": 0}, "max_line_chars is 0"),
    (SideConfig, {"min_tokens": 5, "max_tokens": 4}, "min_tokens is 5 and max_tokens 4"),
    (SideConfig, {"min_tokens": 0}, "min_tokens is 0"),
    *((SideConfig, {"part": part}, f"part is '{part}'") for part in ("0/2", "3/2", "1", "1/", "a/b", "1/0", "-1/2")),
    (PairsConfig, {"path": "x", "format": "text"}, "pairs need two columns"),
    (UnpairedDataConfig, {"dev_fraction": 0.0}, "dev_fraction"),
    (UnpairedDataConfig, {"dev_fraction": 1.0}, "dev_fraction"),
    (UnpairedDataConfig, {"dev_max": 0}, "dev_max"),
    (UnpairedDataConfig, {"texts": SideConfig()}, "data.texts.path is empty"),
]


@pytest.mark.parametrize(("make", "settings", "message"), BAD, ids=[message for *_, message in BAD])
def test_bad_settings_are_refused(make: Callable[..., Any], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message.replace("(", r"\(")):
        make(**settings)


@pytest.mark.parametrize(("part", "numbers"), [("1/1", (1, 1)), ("2/2", (2, 2)), ("3/10", (3, 10))])
def test_parts(part: str, numbers: tuple[int, int]) -> None:
    assert SideConfig(part=part).part_numbers() == numbers


def test_the_default_data_are_the_bundled_ones() -> None:
    config = UnpairedDataConfig()
    assert config.documents.path.startswith("data/sample-news/") and config.texts.path.startswith("data/sample-news/")
