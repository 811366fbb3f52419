"""`python -m bench [NAME …]`: runs the benchmarks and prints their tables; see bench/README.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import api, command_line, publish, start, transfer, worker

BENCHMARKS: dict[str, Callable[[Path, bool], str]] = {
    "start": start.run,
    "command_line": command_line.run,
    "worker": worker.run,
    "api": api.run,
    "transfer": transfer.run,
    "publish": publish.run,
}


def main() -> int:
    """Runs what the command line names, all by default."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the work: to see that it runs, not to quote"
    )
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(
            f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}"
        )
    for name in options.names or BENCHMARKS:
        with tempfile.TemporaryDirectory(prefix="entrepot-bench-") as folder:
            print(f"\n== {name} ==\n{BENCHMARKS[name](Path(folder), options.quick)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
