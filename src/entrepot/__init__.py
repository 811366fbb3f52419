"""Entrepot: a self-hosted data exchange that speaks the AWS Data Exchange API."""

__version__ = "0.1.0"
