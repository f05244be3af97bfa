"""PostCall: takes the finished call in, and remembers it."""
