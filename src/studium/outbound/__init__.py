"""What the platform calls because somebody wrote down an address: which addresses may be called, and how."""
