"""What finished and running trainings look like: lists, comparisons, and one page a run. Reads files, changes none."""
