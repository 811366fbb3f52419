"""What `publish` and `fetch` share: many jobs, which can be broken off and taken up again."""
