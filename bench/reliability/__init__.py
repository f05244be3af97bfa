"""The reliability matrix of `make faults`: one module for each section, with `run(progress) -> Section`."""
