"""Measuring summaries: ROUGE beside LEAD at every length, baselines without pairs, and alarms for a private code."""
