"""Snapshots of notebooks' workspaces: kept while a session runs or none does, put back when none does."""
