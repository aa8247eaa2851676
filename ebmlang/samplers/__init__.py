"""Samplers: a table of them, a plan for each model, one loop over sweeps."""
