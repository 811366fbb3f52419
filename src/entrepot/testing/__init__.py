"""For tests of software that uses Entrepot: servers that run while a test does, and leave nothing behind."""

from entrepot.emulation.s3_server import S3Server, running_seaweedfs
from entrepot.server.child import RunningServer, ServerDidNotStart, running_entrepot

__all__ = ["RunningServer", "S3Server", "ServerDidNotStart", "running_entrepot", "running_seaweedfs"]
