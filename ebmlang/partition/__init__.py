"""The partition function: its logarithm where it can be had exactly, and its gradient."""
