"""What stands in for AWS services where there are none: in the demo, in tests and in benchmarks."""
