"""Sentences with trees: brackets, treebanks, and a grammar that writes sentences whose trees are known."""
