"""What `make bench` measures: one module for a section or two, with `measure(rig, ...) -> Section`."""
