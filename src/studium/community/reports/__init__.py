"""What people report, and what administrators decide."""
