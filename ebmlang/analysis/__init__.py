"""Terms to facts: degrees, interactions, colours, exact conditionals. No JAX."""
