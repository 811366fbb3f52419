"""Access outside of the exchange, kept in step with who is entitled to what."""
