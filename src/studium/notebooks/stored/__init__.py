"""What a team stores, of which kinds, what of it counts against its plan, and how people clean it up."""
