"""What unpaired data hold, and what is doubtful in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textvae.data.checks import DataReport, SplitSummary, Tally

ROLES = ("documents", "texts", "dev", "test")
FINDINGS = {
    "paired": "that belong to one of the documents (kept: data.allow_pairs is on, so this is not unsupervised)",
    "empty": "empty ones skipped",
    "control_characters": "with control characters (blanked out)",
    "short_dropped": "of fewer words than min_tokens left out",
    "over_long_dropped": "of more words than max_tokens left out",
    "over_long_cut": "of more words than max_tokens, of which a training reads the beginning",
    "leaked_dropped": "that also stand in dev or test, as document, summary or id, left out",
    "equal_dropped": "that equal a document left out",
    "held_out_dropped": "that repeat one held out left out",
    "duplicates": "that repeat an earlier one (kept)",
}


@dataclass(frozen=True)
class UnpairedReport(DataReport):
    """Sizes of both sides, of what is held out from them and of the pairs; findings by side."""

    kinds: ClassVar[dict[str, str]] = FINDINGS

    def split_line(self, name: str, split: SplitSummary) -> str:
        """Size of a side, or of one half of the pairs."""
        origin = ", held out" if name.startswith("dev_") else ""
        return f"{name}: {split.total:,}, {split.words()}{origin}"

    def count(self, kind: str, split: str = "texts") -> int:
        """How often `kind` was found in `split`."""
        return super().count(kind, split)


def new_tally() -> Tally:
    """Nothing found so far."""
    return Tally(splits=ROLES, kinds=FINDINGS)
