"""Sweeps: the points of a grid, each scored by the judges that report."""
