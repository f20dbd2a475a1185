"""Inputs: what a notebook reads that others made, shown to its runs read-only."""
