"""A team's shared volume: `/storage` in every run of the team's members, of a size, with snapshots."""
