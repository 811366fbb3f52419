"""The 37 operations as `aws dataexchange` has them: parsing, output, help, completion and prompt."""
