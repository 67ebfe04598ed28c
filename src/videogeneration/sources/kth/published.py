"""The dataset from its authors' page: https://www.csc.kth.se/cvap/actions/."""

import logging
from pathlib import Path

from videogeneration.sources.download import DownloadError, fetch
from videogeneration.sources.kth.sequences import LIST_NAME, KthError, read_sequence_list
from videogeneration.sources.kth.settings import KthSettings

logger = logging.getLogger(__name__)

URL = "http://www.csc.kth.se/cvap/actions/"

TERMS = (
    "The KTH human action data set is free for non-commercial use; its authors ask to be cited: "
    "Schuldt, Laptev and Caputo, Recognizing human actions: a local SVM approach, ICPR 2004"
)

SUMS = {
    "walking": "a3e81537271a0ab4576591774baa38c2d97b7e3a",
    "jogging": "21943bdbcef9dad106db0d74661e49eaeaa15a25",
    "running": "da83bb313edfd4455fffdda6263696fa10d43c6f",
    "boxing": "adb36ed9c29c846d44d2ba15f348bd115c951bbd",
    "handwaving": "0792f7cd69f7f895a205c08ac212ddaa7177e370",
    "handclapping": "d3b81261aa822ef63d0d1523f945bfaff27814d2",
}
"""SHA-1 of the actions' archives."""


def download(settings: KthSettings, raw_folder: Path) -> Path:
    """Fetch the list and the archives of the chosen actions; gives their folder.

    Raises:
        DownloadError: A file cannot be had, or is another one than expected.
    """
    logger.info(TERMS)
    folder = settings.recordings(raw_folder)
    listed = fetch(URL + LIST_NAME, None, folder)
    try:
        read_sequence_list(listed)
    except KthError as error:
        listed.unlink()
        raise DownloadError(f"{URL}{LIST_NAME}: {error}") from error
    for action in settings.actions:
        fetch(f"{URL}{action}.zip", f"sha1:{SUMS[action]}", folder)
    return folder
