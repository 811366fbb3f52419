"""Runs one command and says what it took: `python -I -S bench/launcher.py OUTPUT COMMAND …`.

A process of its own, and a small one, because Linux counts the memory of whoever starts a program as a part
of that program's peak. Prints wall seconds, CPU seconds, peak KiB, exit code; the command writes to OUTPUT.
"""

from __future__ import annotations

import os
import sys
import time


def main(output: str, command: list[str]) -> None:
    """Starts the command, waits, and prints the four numbers."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, output, flags, 0o600),
    ]
    began = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - began
    print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
