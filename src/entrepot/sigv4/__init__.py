"""Signature Version 4 as arithmetic: the standard library alone, shared by who verifies and who signs."""
