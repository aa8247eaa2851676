"""Fitting: data phase minus model phase, step by step, and what comes of it."""
