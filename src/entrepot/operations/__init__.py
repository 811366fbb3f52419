"""One file per resource, one function per AWS operation, of the same name in snake_case."""
