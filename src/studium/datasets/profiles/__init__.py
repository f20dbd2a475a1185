"""Profiles: what a sandboxed run finds in the files of a version."""
