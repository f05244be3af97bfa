"""What `make faults` measures: one module for each section, with `run(progress) -> Section`."""
