"""Tokenizers, the bag of content words, and the words that carry the style."""
