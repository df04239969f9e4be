"""Documents and short texts of other documents: two sources that never meet in a pair."""
