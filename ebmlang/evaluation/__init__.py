"""What came out: draws, diagnostics, comparisons, pictures."""
