"""The only wiring: from settings to the objects that do the work, for the API and for a job worker."""

from entrepot.wiring.api import WiredApi, open_api
from entrepot.wiring.integrations import make_aws_services, make_integrations
from entrepot.wiring.shared import S3, Secrets, clock, own_store, prepare_database
from entrepot.wiring.worker import WiredWorker, open_worker

__all__ = [
    "S3",
    "Secrets",
    "WiredApi",
    "WiredWorker",
    "clock",
    "make_aws_services",
    "make_integrations",
    "open_api",
    "open_worker",
    "own_store",
    "prepare_database",
]
