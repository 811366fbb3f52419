"""The client's side of the API: where it is, who asks, how requests are made and answers read."""
