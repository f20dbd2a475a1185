"""What an operator does on the machine itself: install, start, check, back up."""
