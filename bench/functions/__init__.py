"""What the bench puts into the functions' processes."""
