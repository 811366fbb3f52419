"""HTTP/1.1: the messages of the server, and one client for object bytes and for the command line."""
