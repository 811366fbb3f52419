"""Calls operations in-process with what a client sends, and answers with what it gets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.isolation.account_resources import Refused
from tests.unit.operations.application import Application

from entrepot.domain.errors import ServiceError
from entrepot.model import shapes
from entrepot.model.loader import load_model
from entrepot.operations.context import Context
from entrepot.operations.registry import OPERATIONS
from entrepot.wire.responses import error_response


@dataclass(frozen=True)
class ApplicationClient:
    """One account in one Region; every answer is kept."""

    application: Application
    context: Context
    heard: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    @classmethod
    def of(cls, application: Application, account_id: str, region: str = "us-east-1") -> ApplicationClient:
        return cls(application, application.context(account_id, region))

    @property
    def account_id(self) -> str:
        return self.context.scope.account_id

    @property
    def region(self) -> str:
        return self.context.scope.region

    async def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        model = load_model()
        shape = model.operations[operation].input
        keys = {member.name: member.key for member in model.shapes[shape].members}
        value = shapes.convert({keys[name]: given for name, given in request.items()}, getattr(shapes, shape))
        try:
            answer = await OPERATIONS[operation](self.context, value)
        except ServiceError as error:
            members = json.loads(error_response(error, "request-1").body)
            self.heard.append((operation, members))
            raise Refused(error.code, members) from error
        answered: dict[str, Any] = {} if answer is None else json.loads(shapes.encode(answer))
        self.heard.append((operation, answered))
        return answered


async def put_asset(client: ApplicationClient, place: Mapping[str, str], name: str) -> None:
    await client.application.assets(client.context, place["DataSetId"], place["RevisionId"], [name])
