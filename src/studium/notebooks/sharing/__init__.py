"""Collaborators of a notebook: added by name or come by a secret link."""
