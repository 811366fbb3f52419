"""`--query`: JMESPath expressions, checked before the request is made and evaluated on what comes back."""

from __future__ import annotations

from typing import Any

import jmespath
import jmespath.functions

from entrepot.client.client_errors import OutputError, ParameterError

ACCIDENTS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What an expression can end with. jmespath's own errors are ValueErrors; the others are Python's."""


class Query:
    def __init__(self, text: str) -> None:
        try:
            self._compiled = jmespath.compile(text)
        except ACCIDENTS as error:
            raise ParameterError(f"Bad value for --query {text}: {error}") from error

    def search(self, answer: Any) -> Any:
        """What the expression selects. Raises OutputError: wrong functions and types show only now."""
        try:
            return self._compiled.search(answer, jmespath.Options(custom_functions=_Functions()))
        except ACCIDENTS as error:
            raise OutputError(str(error)) from error


def compile_query(text: str) -> Query:
    """Compiles the value of `--query`. Raises ParameterError with the parser's own words."""
    return Query(text)


class _Functions(jmespath.functions.Functions):  # type: ignore[misc]
    """The functions as jmespath 1.0.1 has them: later ones divide whole numbers beyond 2**53 more exactly."""

    @jmespath.functions.signature({"types": ["array-number"]})  # type: ignore[untyped-decorator]
    def _func_avg(self, numbers: list[float]) -> float | None:
        return sum(numbers) / float(len(numbers)) if numbers else None
