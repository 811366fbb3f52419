"""One operation of the API on the command line, as the AWS CLI has it."""
