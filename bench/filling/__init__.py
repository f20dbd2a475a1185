"""Rows for a bench of pages: an installation as it looks after some months of use by a thousand people."""

READER = "person0000"  # whose pages are measured
SEARCH_PART = 5000  # so many notebooks are made known to search in one call
