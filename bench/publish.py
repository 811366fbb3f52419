"""`entrepot publish` and `entrepot fetch` beside `rclone copy`, from and to buckets and folders, in one run.

Between buckets both let the S3 server copy by itself. The exchange keeps its assets in a bucket of the same
server, so that publishing moves what rclone moves, and fetching does so once more. Through a bucket on the
way every byte moves twice, by signed URLs each file is a job of its own; rclone knows neither.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.measuring import median, table
from bench.objects import BIN, Load, check, fill, fill_folder, key, new_bucket, rclone, remove_bucket
from bench.transfer import exchange_on
from entrepot.testing import RunningServer, S3Server, running_seaweedfs

ROUNDS = 3
LOAD = Load("10,000 x 4 KiB", 10_000, 4096)
FEWER = Load("1,000 x 4 KiB", 1_000, 4096)
"""For the roads where each file is a job of its own."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One round: the servers, and what is moved."""

    storage: S3Server
    exchange: RunningServer
    folder: Path
    load: Load

    def entrepot(self, *arguments: str) -> None:
        """Runs the program as a user does; what it remembers is this round's own."""
        storage, data = self.storage, self.exchange.data_dir
        environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
            "AWS_ACCESS_KEY_ID": storage.access_key_id,
            "AWS_SECRET_ACCESS_KEY": storage.secret_access_key,
            "AWS_ENDPOINT_URL_S3": storage.endpoint_url,
            "AWS_CONFIG_FILE": str(data / "aws" / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(data / "aws" / "credentials"),
            "XDG_STATE_HOME": str(self.folder / "state"),
        }
        command = [str(BIN / "entrepot"), *arguments, "--profile", "entrepot"]
        command += ["--endpoint-url", self.exchange.url]
        quiet = subprocess.DEVNULL
        subprocess.run(command, env=environ, check=True, stdout=quiet, stderr=quiet)


Road = Callable[[Scene, dict[str, float]], None]


def run(folder: Path, quick: bool) -> str:
    """Three rounds of every road, each beside rclone; medians."""
    rows: list[list[object]] = []
    with running_seaweedfs(folder / "s3") as storage:
        for road, load in ((_buckets, LOAD), (_through_a_bucket, LOAD), (_by_signed_urls, FEWER)):
            less = Load(f"a tenth of {load.name}", load.count // 10, load.size_bytes) if quick else load
            rounds = [_round(folder, storage, road, less) for _ in range(1 if quick else ROUNDS)]
            rows.extend(_rows(less, rounds))
    return table(["load", "what", "rclone s", "entrepot s", "files/s", "x rclone"], rows)


def _rows(load: Load, rounds: list[dict[str, tuple[float, float]]]) -> list[list[object]]:
    rows: list[list[object]] = []
    for what in rounds[0]:
        theirs = median([one[what][0] for one in rounds])
        ours = median([one[what][1] for one in rounds])
        ratio = median([one[what][0] / one[what][1] for one in rounds])
        rows.append([load.name, what, theirs, ours, load.count / ours, ratio])
    return rows


def _round(folder: Path, storage: S3Server, road: Road, load: Load) -> dict[str, tuple[float, float]]:
    kept = new_bucket(storage)
    scene_folder = folder / secrets.token_hex(4)
    scene_folder.mkdir()
    seconds: dict[str, float] = {}
    with exchange_on(scene_folder, storage, kept, server_side=True) as exchange:
        road(Scene(storage, exchange, scene_folder, load), seconds)
    remove_bucket(storage, kept)
    shutil.rmtree(scene_folder)
    pairs = [name.removeprefix("rclone ") for name in seconds if name.startswith("rclone ")]
    return {name: (seconds[f"rclone {name}"], seconds[name]) for name in pairs}


def _timed(seconds: dict[str, float], name: str, do: Callable[[], None]) -> None:
    os.sync()  # nobody pays for what another one has left to be written
    began = time.perf_counter()
    do()
    seconds[name] = time.perf_counter() - began
    print(f"  {name}: {seconds[name]:.1f} s", file=sys.stderr, flush=True)


def _buckets(scene: Scene, seconds: dict[str, float]) -> None:
    storage, load = scene.storage, scene.load
    source, theirs, ours = (new_bucket(storage) for _ in range(3))
    fill(storage, source, load, scene.folder)
    publish, fetch = "publish s3://", "fetch s3://"
    _timed(seconds, f"rclone {publish}", lambda: rclone(storage, f"s:{source}", f"s:{theirs}"))
    seconds[f"rclone {fetch}"] = seconds[f"rclone {publish}"]
    _timed(seconds, publish, lambda: scene.entrepot("publish", f"s3://{source}", "--name", "bench"))
    _timed(seconds, fetch, lambda: scene.entrepot("fetch", "bench", f"s3://{ours}"))
    check(storage, ours, load)
    for bucket in (source, theirs, ours):
        remove_bucket(storage, bucket)


def _through_a_bucket(scene: Scene, seconds: dict[str, float]) -> None:
    storage = scene.storage
    source, target = scene.folder / "source", scene.folder / "target"
    fill_folder(source, scene.load)
    theirs, way = new_bucket(storage), new_bucket(storage)
    publish, fetch = "publish FOLDER --through", "fetch FOLDER --through"
    through = ["--through", f"s3://{way}"]
    _timed(seconds, f"rclone {publish}", lambda: rclone(storage, str(source), f"s:{theirs}"))
    _timed(seconds, publish, lambda: scene.entrepot("publish", str(source), "--name", "bench", *through))
    rclone_target = str(scene.folder / "rclone")
    _timed(seconds, f"rclone {fetch}", lambda: rclone(storage, f"s:{theirs}", rclone_target))
    _timed(seconds, fetch, lambda: scene.entrepot("fetch", "bench", str(target), *through))
    _check_folder(target, scene.load)
    for bucket in (theirs, way):
        remove_bucket(storage, bucket)


def _by_signed_urls(scene: Scene, seconds: dict[str, float]) -> None:
    storage = scene.storage
    source, target = scene.folder / "source", scene.folder / "target"
    fill_folder(source, scene.load)
    theirs = new_bucket(storage)
    publish, fetch = "publish FOLDER", "fetch FOLDER"
    _timed(seconds, f"rclone {publish}", lambda: rclone(storage, str(source), f"s:{theirs}"))
    _timed(seconds, publish, lambda: scene.entrepot("publish", str(source), "--name", "bench"))
    rclone_target = str(scene.folder / "rclone")
    _timed(seconds, f"rclone {fetch}", lambda: rclone(storage, f"s:{theirs}", rclone_target))
    _timed(seconds, fetch, lambda: scene.entrepot("fetch", "bench", str(target)))
    _check_folder(target, scene.load)
    remove_bucket(storage, theirs)


def _check_folder(folder: Path, load: Load) -> None:
    for number in range(load.count):
        if (folder / key(number)).stat().st_size != load.size_bytes:
            raise RuntimeError(f"{key(number)} did not arrive whole")
