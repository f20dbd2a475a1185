"""What people are told: written with what caused it, read in one place, mailed to those who want that."""
