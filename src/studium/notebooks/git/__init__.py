"""Workspaces that are clones of git repositories: made, pulled and pushed by runs of their own."""
