"""Commands that follow jobs to their end: `watch` and `wait-job`."""
