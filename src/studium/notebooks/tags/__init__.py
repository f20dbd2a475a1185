"""Tags: words that people put on notebooks to find them by."""
