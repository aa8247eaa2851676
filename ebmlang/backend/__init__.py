"""Terms and facts to JAX: energies, conditionals, parameters."""
