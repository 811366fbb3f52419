"""The page on grants is a script."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from entrepot.testing import running_entrepot

PAGE = Path(__file__).parents[2] / "docs" / "between-accounts.md"


def test_the_page_runs_from_top_to_bottom(tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    folder = tmp_path / "work"
    folder.mkdir()
    with running_entrepot(tmp_path / "exchange") as server:
        environ = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "ENTREPOT_DATA_DIR": str(server.data_dir),
        }
        ran = subprocess.run(
            ["bash", "-c", "set -eu\n" + "\n".join(blocks)],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    assert "Prices for you\tPENDING_RECEIVER_ACCEPTANCE" in ran.stdout
    entitled = r"^Prices\tarn:aws:dataexchange:us-east-1::data-sets/[0-9a-f]{32}$"
    assert re.search(entitled, ran.stdout, re.MULTILINE)
    assert (folder / "received" / "february.csv").read_text() == "day,eur\n"
    assert ran.stdout.rstrip().endswith('"DataSets": []\n}')
