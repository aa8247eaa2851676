"""The energy against independent NumPy."""
