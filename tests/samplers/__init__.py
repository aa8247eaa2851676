"""Samplers against exact answers."""
