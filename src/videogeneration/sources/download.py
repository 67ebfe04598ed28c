"""Files from where their makers publish them: resumed, verified, and left as they came."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pooch
import requests
from tqdm import tqdm

logger = logging.getLogger(__name__)

MOST_BYTES = 1_000_000_000
"""Of a file; more than any that is published."""

TIMEOUT = 30
"""Seconds without an answer after which a connection counts as broken."""

_BLOCK = 1 << 16


class DownloadError(ValueError):
    """A file that could not be had; names its address."""


def fetch(url: str, checksum: str | None, folder: Path) -> Path:
    """Download a file, or find it there from an earlier time.

    A broken connection is taken up where it broke, now or by the next call. Archives are not
    unpacked: what reads them reads single files out of them.

    Args:
        url: Its address; the file is called as its last part.
        checksum: `sha1:...` or `md5:...`; None where nobody publishes one.
        folder: Where to put it.

    Returns:
        The file.

    Raises:
        DownloadError: There is no connection, or the file is not the one that is expected.
    """
    name = url.rpartition("/")[2]
    pooch.get_logger().setLevel(logging.WARNING)
    # whether the file is there already, whether it is the right one, and its place at the end
    try:
        return Path(pooch.retrieve(url, checksum, name, folder, downloader=_resuming(folder, name)))
    except requests.RequestException as error:
        raise DownloadError(
            f"{url}: {error}; what has come is kept, call again to go on"
        ) from error
    except (ValueError, OSError) as error:
        raise DownloadError(f"{url}: {error}") from error


def _resuming(folder: Path, name: str) -> Callable[[str, str, object], None]:
    """A downloader for pooch that goes on from what lies in `<name>.part`."""
    part = folder / f"{name}.part"

    def download(url: str, output_file: str, _: object) -> None:
        logger.info("%s is being downloaded to %s", url, folder)
        broken = True
        while broken:
            begun = part.stat().st_size if part.exists() else 0
            try:
                _append(url, part, begun)
                broken = False
            except requests.RequestException:
                if not part.exists() or part.stat().st_size <= begun:
                    raise
                logger.warning("%s: the connection broke; going on", url)
        os.replace(part, output_file)

    return download


def _append(url: str, part: Path, begun: int) -> None:
    """What the file lacks, from this byte on."""
    asked = {"Range": f"bytes={begun}-", "Accept-Encoding": "identity"}
    with requests.get(url, headers=asked, stream=True, timeout=TIMEOUT) as answer:
        if begun and answer.status_code == requests.codes.requested_range_not_satisfiable:
            return  # nothing is lacking, or the checksum will say so
        answer.raise_for_status()
        goes_on = answer.status_code == requests.codes.partial_content
        begun = begun if goes_on else 0
        total = begun + int(answer.headers.get("Content-Length", 0)) or None
        bar = tqdm(
            desc=part.stem, total=total, initial=begun, unit="B", unit_scale=True,
            dynamic_ncols=True, disable=None,
        )  # fmt: skip
        with part.open("ab" if goes_on else "wb") as file, bar:
            for block in answer.iter_content(_BLOCK):
                file.write(block)
                bar.update(len(block))
                if file.tell() > MOST_BYTES:
                    raise DownloadError(f"{url}: more than {MOST_BYTES:,} bytes")
