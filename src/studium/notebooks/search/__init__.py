"""Search over titles, tags, text and code."""
