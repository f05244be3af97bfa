"""The parts of bench/performance.py: each module measures one thing and returns a Section for the report."""
