"""Completion: what may follow on a command line, for shells and for the prompt alike."""
