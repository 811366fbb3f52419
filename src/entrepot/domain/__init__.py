"""Pure values and rules of a data exchange: no I/O, no clock, no randomness, the standard library alone."""
