"""Downloads from a server on this machine that breaks off, lies, or is hostile."""

import gzip
import hashlib
import io
import logging
import re
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from videogeneration.sources import SOURCES, digits, download
from videogeneration.sources.download import DownloadError, fetch
from videogeneration.sources.kth import published
from videogeneration.sources.kth.sequences import LIST_NAME
from videogeneration.sources.kth.settings import KthSettings
from videogeneration.sources.kth.videos import find_videos

DATA = bytes(range(256)) * 3000


@dataclass
class Shelf:
    """What a server has, and how it behaves.

    Attributes:
        url: Its address.
        files: By name.
        breaks: After how many bytes each answer ends; None for never.
        ranges: Whether it can begin in the middle.
        asked: Name and range of every request.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    breaks: int | None = None
    ranges: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    shelf = Shelf()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name, wanted = self.path[1:], self.headers.get("Range", "")
            shelf.asked.append((name, wanted))
            if name not in shelf.files:
                self.send_error(404)
                return
            data = shelf.files[name]
            begin = int(re.findall(r"\d+", wanted)[0]) if wanted and shelf.ranges else 0
            if begin and begin >= len(data):
                self.send_error(416)
                return
            self.send_response(206 if begin else 200)
            self.send_header("Content-Length", str(len(data) - begin))
            self.end_headers()
            self.wfile.write(data[begin:][: shelf.breaks])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shelf.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield shelf
    server.shutdown()
    thread.join()
    server.server_close()


def sha1(data: bytes) -> str:
    return f"sha1:{hashlib.sha1(data).hexdigest()}"


def test_a_second_call_does_nothing(shelf: Shelf, tmp_path: Path) -> None:
    shelf.files["a.zip"] = DATA
    for _ in range(2):
        assert fetch(shelf.url + "a.zip", sha1(DATA), tmp_path).read_bytes() == DATA
    assert len(shelf.asked) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_broken_connection_is_taken_up_where_it_broke(shelf: Shelf, tmp_path: Path) -> None:
    shelf.files["a.zip"], shelf.breaks = DATA, 300_000
    assert fetch(shelf.url + "a.zip", sha1(DATA), tmp_path).read_bytes() == DATA
    assert len(shelf.asked) == 3
    begun = [int(wanted[6:-1]) for _, wanted in shelf.asked]
    assert begun[0] == 0 < begun[1] < begun[2]


def test_what_has_come_is_kept_for_the_next_call(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(DATA[:500_000])
    with pytest.raises(DownloadError, match=r"a\.zip: .*call again to go on"):
        fetch(shelf.url + "a.zip", sha1(DATA), tmp_path)  # 404
    shelf.files["a.zip"] = DATA
    assert fetch(shelf.url + "a.zip", sha1(DATA), tmp_path).read_bytes() == DATA
    assert shelf.asked[-1] == ("a.zip", "bytes=500000-")
    # all of it had come
    (tmp_path / "b.zip.part").write_bytes(DATA)
    shelf.files["b.zip"] = DATA
    assert fetch(shelf.url + "b.zip", sha1(DATA), tmp_path).read_bytes() == DATA


def test_a_server_that_cannot_go_on_starts_anew(shelf: Shelf, tmp_path: Path) -> None:
    shelf.files["a.zip"], shelf.ranges = DATA, False
    (tmp_path / "a.zip.part").write_bytes(b"another file" * 9)
    assert fetch(shelf.url + "a.zip", sha1(DATA), tmp_path).read_bytes() == DATA
    # and one that always breaks at the same place is given up
    shelf.files["b.zip"], shelf.breaks = DATA, 300_000
    with pytest.raises(DownloadError, match="call again to go on"):
        fetch(shelf.url + "b.zip", sha1(DATA), tmp_path)
    assert not (tmp_path / "b.zip").exists()


def test_another_file_than_expected_is_refused_and_not_kept(shelf: Shelf, tmp_path: Path) -> None:
    shelf.files["a.zip"] = DATA[:-1] + b"!"
    with pytest.raises(DownloadError, match=r"a\.zip: SHA1 hash .* does not match"):
        fetch(shelf.url + "a.zip", sha1(DATA), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_there_is_a_bound(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "MOST_BYTES", 500_000)
    shelf.files["a.zip"] = DATA
    with pytest.raises(DownloadError, match="more than 500,000 bytes"):
        fetch(shelf.url + "a.zip", None, tmp_path)


def archive(name: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as opened:
        opened.writestr(name, b"no real video")
    return data.getvalue()


def test_kth_s_chosen_actions(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    walking = archive("person01_walking_d1_uncomp.avi")
    running = archive("../../person01_running_d1_uncomp.avi")
    shelf.files = {
        LIST_NAME: b"person01_walking_d1 frames 1-20\r\n",
        "walking.zip": walking,
        "running.zip": running,
    }
    monkeypatch.setattr(published, "URL", shelf.url)
    sums = {"walking": sha1(walking)[5:], "running": sha1(running)[5:]}
    monkeypatch.setattr(published, "SUMS", sums)
    settings = KthSettings(actions=("walking", "running"))
    fetched = SOURCES["kth"].download
    assert fetched
    with caplog.at_level(logging.INFO):
        folder = fetched(settings, tmp_path / "data" / "raw")
    assert "non-commercial use" in caplog.messages[0]
    assert folder == tmp_path / "data" / "raw" / "recorded"
    assert len(find_videos(folder, settings.actions)) == 2
    # archives stay as they are: nothing is written anywhere else
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == set(shelf.files)
    fetched(settings, tmp_path / "data" / "raw")
    assert len(shelf.asked) == 3
    # a list that is none is not kept
    shelf.files[LIST_NAME] = b"<html>moved</html>"
    with pytest.raises(DownloadError, match=r"00sequences\.txt: .*lists no video"):
        fetched(KthSettings(folder=str(tmp_path / "other")), tmp_path)
    assert not (tmp_path / "other" / LIST_NAME).exists()


def test_mnist_s_four_files(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {name: gzip.compress(name.encode()) for name in digits.SUMS}
    shelf.files = {f"{name}-ubyte.gz": data for name, data in files.items()}
    monkeypatch.setattr(digits, "URL", shelf.url)
    sums = {name: hashlib.md5(data).hexdigest() for name, data in files.items()}
    monkeypatch.setattr(digits, "SUMS", sums)
    fetched = SOURCES["mnist"].download
    assert fetched
    for _ in range(2):
        folder = fetched(digits.DigitSettings(), tmp_path)
    assert folder == tmp_path / "idx"
    assert {path.name for path in folder.iterdir()} == set(shelf.files)
    assert len(shelf.asked) == 4
