"""The service model as data: botocore's JSON plus `patches.json`, compiled to frozen operations and shapes."""
