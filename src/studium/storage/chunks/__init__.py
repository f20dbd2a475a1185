"""Files in chunks: stored once, many of them to an object, and put together again where they are read."""
