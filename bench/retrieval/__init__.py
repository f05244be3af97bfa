"""What `bench/recall.py` is made of: histories, how they are played, what counts as found, and the page."""
