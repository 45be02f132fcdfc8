"""Fits of the constants of the time model to measured rows, in the order in which they rest on each other."""
