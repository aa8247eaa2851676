"""Text to located tree: no mathematics, no JAX."""
