"""What documents hold, and what is doubtful in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textvae.data.checks import DataReport, SplitSummary, Tally

FINDINGS = {
    "empty": "empty sentences skipped",
    "control_characters": "sentences with control characters (blanked out)",
    "over_long_dropped": "sentences over data.max_tokens words left out",
    "over_long_cut": "sentences over data.max_tokens words cut to that length",
    "short_dropped": "documents of fewer than data.min_sentences sentences left out",
    "leaked_dropped": "documents also in dev or test, taken out of train",
    "leaked_kept": "documents also in dev or test, kept in train (data.drop_leaked is off)",
    "duplicates": "documents that repeat an earlier one (kept)",
}
DOCUMENTS = "documents"


@dataclass(frozen=True)
class DocumentReport(DataReport):
    """Sizes of the splits in documents and sentences; findings by split."""

    kinds: ClassVar[dict[str, str]] = FINDINGS

    def split_line(self, name: str, split: SplitSummary) -> str:
        """Size of a split; its `references` are its documents."""
        origin = ", held out from train" if self.held_out and name == "dev" else ""
        return f"{name}: {split.references:,} documents of {split.total:,} sentences, {split.words()}{origin}"


def new_tally() -> Tally:
    """Nothing found so far."""
    return Tally(kinds=FINDINGS)
