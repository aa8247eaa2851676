"""Broken programs and what is said of them."""
