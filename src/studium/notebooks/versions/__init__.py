"""Versions: immutable numbered snapshots of a notebook, saved as it is or with a run of all its cells."""
