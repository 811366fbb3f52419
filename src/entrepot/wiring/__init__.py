"""The only wiring: from settings to the objects that do the work, for the API and for a job worker."""
