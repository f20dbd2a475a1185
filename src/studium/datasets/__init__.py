"""Datasets: files with a card, in numbered versions that never change."""
