"""What `make recall` measures: histories, how they are run and scored, the naive ways, and the sections."""
