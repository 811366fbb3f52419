"""The ASGI application and its processes: API, signed-URL routes, health, metrics, workers."""
