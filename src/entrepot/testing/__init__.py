"""For tests of software that uses Entrepot: servers that run while a test does, and leave nothing behind."""
