"""Commands for whoever runs an exchange: the server, workers, accounts, keys, buckets, the demo."""
