"""Tree to checked program: domains, functions, densities and typed terms. No JAX."""
