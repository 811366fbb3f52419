"""The only wiring: from settings to the objects that do the work, for the API and for a job worker."""

from entrepot.container.api import ApiContainer, open_api
from entrepot.container.integrations import make_aws_services, make_integrations
from entrepot.container.parts import S3, Secrets, clock, own_store, prepare_database
from entrepot.container.worker import WorkerContainer, open_worker

__all__ = [
    "S3",
    "ApiContainer",
    "Secrets",
    "WorkerContainer",
    "clock",
    "make_aws_services",
    "make_integrations",
    "open_api",
    "open_worker",
    "own_store",
    "prepare_database",
]
