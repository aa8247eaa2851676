"""Claims of the structure analysis against brute force."""
