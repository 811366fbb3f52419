"""The service model as data: botocore's JSON plus `patches.json`, made frozen operations and shapes."""
