"""HTTP to Python values and back, driven by the service model; knows nothing of how an exchange works."""
