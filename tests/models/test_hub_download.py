"""Fetching from a hub, played by a local server that speaks as much of its protocol as a client needs."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from local_http import answering

COMMIT = "89abcdef01" * 4


class Hub(BaseHTTPRequestHandler):
    """Serves the files of one folder as the repository someone/tiny."""

    def __init__(self, folder: Path, served: list[str], *rest: object) -> None:
        self.folder, self.served = folder, served
        super().__init__(*rest)  # type: ignore[arg-type]

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/api/models/someone/tiny/revision/main":
            self.answer(json.dumps({"id": "someone/tiny", "sha": COMMIT, "siblings": []}).encode())
        elif path == f"/api/models/someone/tiny/tree/{COMMIT}":
            self.answer(json.dumps([self.entry(file) for file in sorted(self.folder.iterdir())]).encode())
        elif path.startswith(f"/someone/tiny/resolve/{COMMIT}/"):
            self.served.append(path.rpartition("/")[2])
            self.answer((self.folder / path.rpartition("/")[2]).read_bytes())
        else:
            self.send_error(404)

    def entry(self, file: Path) -> dict[str, object]:
        content = file.read_bytes()
        return {"type": "file", "path": file.name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        headers = {"Content-Length": str(len(body)), "ETag": f'"{hashlib.sha1(body).hexdigest()}"'}
        for name, value in (headers | {"X-Repo-Commit": COMMIT}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(copy_of_bert: Path) -> Iterator[tuple[str, list[str]]]:
    """Address of a hub whose repository also holds a pickle and a script, and the list of files it served."""
    for trap in ("pytorch_model.bin", "modeling_evil.py", "weights.pt"):
        (copy_of_bert / trap).write_text("never fetch this")
    fetched: list[str] = []
    with answering(partial(Hub, copy_of_bert, fetched)) as server:
        yield f"http://127.0.0.1:{server.server_port}", fetched


def resolve_in_child(address: str, cache: Path, *, offline: bool = False) -> subprocess.CompletedProcess[str]:
    program = "from inffeed_core.models.sources import resolve; print(resolve('someone/tiny').found)"
    environment = {"HF_ENDPOINT": address, "HF_HOME": str(cache), "HF_HUB_OFFLINE": str(int(offline))}
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)


def test_fetched_once_and_never_a_pickle_or_script(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    address, served = hub
    first = resolve_in_child(address, tmp_path / "hf")
    assert first.stdout.strip() == f"hub, revision {COMMIT}", first.stderr
    assert "model.safetensors" in served
    assert not [name for name in served if not name.endswith((".safetensors", ".json", ".txt"))]
    served.clear()
    second = resolve_in_child(address, tmp_path / "hf", offline=True)
    assert second.stdout.strip() == f"hub cache, revision {COMMIT}", second.stderr
    assert served == []


def test_unknown_id_online_says_so(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    program = "from inffeed_core.models.sources import resolve; resolve('someone/absent')"
    environment = {"HF_ENDPOINT": hub[0], "HF_HOME": str(tmp_path)}
    outcome = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert "ModelError: 'someone/absent' is neither a folder nor in this machine's hub cache" in outcome.stderr
