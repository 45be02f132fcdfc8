"""Other calculators, each run by the Python of a virtual environment of its own."""
