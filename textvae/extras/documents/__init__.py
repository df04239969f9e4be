"""Documents: sequences of sentences, read, checked and batched so that a sentence keeps its document."""
