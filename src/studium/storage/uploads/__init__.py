"""Uploads: files that arrive piece by piece, are kept in chunks as they come, and can be gone on with for a week."""
