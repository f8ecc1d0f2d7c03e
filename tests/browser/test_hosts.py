"""Who may come in: only requests for a host that the server was started for, and only pages that came from there."""

import base64
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlencode

import pytest
from local_http import answering
from playwright.sync_api import Browser, Page, expect
from reviewing import make_reviewable
from serving import ROOT, Server, free_port, running

from inffeed_core.project.folder import Project

PATHS = ("/", "/review", "/_stcore/health", "/_stcore/host-config", "/static/none.js", "/media/none.txt")
SOCKET = "/_stcore/stream"


def ask(port: int, request: str) -> tuple[int, str]:
    """Status and all of the answer to raw bytes, over a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(request.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n")
        received = b""
        while b"\r\n\r\n" not in received and (more := line.recv(65536)):
            received += more
        line.settimeout(0.3)
        try:
            while more := line.recv(65536):
                received += more
        except TimeoutError:
            pass
    answer = received.decode("latin-1")
    return int(answer.split(" ", 2)[1]), answer


def get(port: int, headers: list[str], path: str = "/", method: str = "GET") -> int:
    return ask(port, "\n".join([f"{method} {path} HTTP/1.1", *headers]))[0]


def open_socket(port: int, headers: list[str]) -> int:
    key = base64.b64encode(os.urandom(16)).decode()
    upgrade = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
    return get(port, [*headers, *upgrade, "Sec-WebSocket-Protocol: streamlit"], SOCKET)


def foreign(port: int) -> list[str]:
    """Values of Host that are not this server's."""
    return [
        "evil.example",
        f"evil.example:{port}",
        f"EVIL.example:{port}",
        "127.0.0.1",  # another port, that of plain http
        "localhost:80",
        f"localhost:{port + 1}",
        f"localhost.:{port}",
        f"127.0.0.2:{port}",
        f"127.1:{port}",
        f"2130706433:{port}",
        f"0.0.0.0:{port}",
        f"[::]:{port}",
        f"::1:{port}",
        f"[::1%25lo]:{port}",
        f"localhost:{port}@evil.example",
        f"evil@localhost:{port}",
        f"localhost:{port}/",
        f"localhost:{port}.evil.example",
        f"localhost.evil.example:{port}",
        f"localhost:0{port}",
        "",
    ]


def test_every_answer_wants_a_host_that_the_server_was_started_for(server: Server):
    for host in foreign(server.port):
        for path in PATHS:
            assert get(server.port, [f"Host: {host}"], path) in (400, 403), (host, path)
        origin = f"Origin: http://{host}"
        assert open_socket(server.port, [f"Host: {host}", origin]) in (400, 403), host
    assert get(server.port, []) in (400, 403)
    assert ask(server.port, "GET / HTTP/1.0")[0] in (400, 403)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_uploads_and_other_methods_are_checked_as_well(server: Server, method):
    for path in ("/_stcore/upload_file/a/b", "/"):
        assert get(server.port, ["Host: evil.example", "Content-Length: 0"], path, method) == 403


def test_the_servers_own_hosts_are_served(server: Server):
    port = server.port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LocalHost:{port}", f"[::1]:{port}"):
        assert get(port, [f"Host: {host}"], "/_stcore/health") == 200
        assert get(port, [f"Host: {host}"]) == 200
        assert open_socket(port, [f"Host: {host}", f"Origin: http://{host}"]) == 101
        assert open_socket(port, [f"Host: {host}", f"Origin: HTTP://{host.upper()}"]) == 101


def test_a_socket_opens_only_for_a_page_of_the_same_host(server: Server):
    port = server.port
    host = f"Host: localhost:{port}"
    assert open_socket(port, [host]) == 403
    for origin in (
        "http://evil.example",
        f"http://evil.example:{port}",
        "null",
        "",
        "file://",
        "http://localhost",
        f"http://localhost:{port + 1}",
        f"http://127.0.0.1:{port}",  # ours too, but the page came under the other name
        f"https://localhost:{port}",
        f"ws://localhost:{port}",
        f"http://localhost:{port}/",
        f"http://localhost:{port}@evil.example",
        f"http://evil.example/http://localhost:{port}",
    ):
        assert open_socket(port, [host, f"Origin: {origin}"]) == 403, origin
        assert get(port, [host, f"Origin: {origin}"]) == 403, origin
    own = f"Origin: http://localhost:{port}"
    assert open_socket(port, [host, own]) == 101
    assert open_socket(port, [host, own, own]) in (400, 403)
    assert open_socket(port, [host, own, "Origin: http://evil.example"]) in (400, 403)


def test_what_a_proxy_might_say_counts_for_nothing(server: Server):
    said = [f"X-Forwarded-Host: localhost:{server.port}", f"Forwarded: host=localhost:{server.port}"]
    said += [f"X-Original-Host: localhost:{server.port}", "X-Forwarded-Proto: https", "X-Forwarded-For: 127.0.0.1"]
    assert get(server.port, ["Host: evil.example", *said]) == 403
    assert open_socket(server.port, ["Host: evil.example", "Origin: http://evil.example", *said]) == 403
    evil = ["X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "X-Inffeed-Gate: open"]
    own = f"localhost:{server.port}"
    assert get(server.port, [f"Host: {own}", *evil]) == 200
    assert open_socket(server.port, [f"Host: {own}", f"Origin: http://{own}", *evil]) == 101


def test_two_hosts_or_a_whole_address_are_refused(server: Server):
    own = f"Host: localhost:{server.port}"
    assert get(server.port, [own, "Host: evil.example"]) in (400, 403)
    assert get(server.port, ["Host: evil.example", own]) in (400, 403)
    for address in (
        "http://evil.example/",
        f"http://localhost:{server.port}/",
        "*",
        "evil.example:80",
        "//evil.example",
    ):
        status = get(server.port, [own], address)
        assert status in (400, 403, 404) or (address.startswith("//") and status in (200, 307)), address
    assert get(server.port, ["Host: evil.example"], f"http://localhost:{server.port}/") in (400, 403)


def test_every_answer_forbids_frames_and_guessing(server: Server):
    for headers, path in (
        ([f"Host: localhost:{server.port}"], "/"),
        ([f"Host: localhost:{server.port}"], "/_stcore/health"),
        ([f"Host: localhost:{server.port}"], "/media/none.txt"),
        (["Host: evil.example"], "/"),
    ):
        answer = ask(server.port, "\n".join([f"GET {path} HTTP/1.1", *headers]))[1].lower()
        assert "frame-ancestors 'none'" in answer
        assert answer.count("x-frame-options: deny") == 1
        assert answer.count("x-content-type-options: nosniff") == 1
        assert answer.count("referrer-policy: same-origin") == 1


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path, {"INFFEED_ALLOWED_HOSTS": "annotate.example.org, lab.example:9000 [fe80::1]"}) as started:
        yield started


def test_more_hosts_can_be_named(elsewhere: Server):
    port = elsewhere.port
    for host in (
        "annotate.example.org",
        "Annotate.Example.ORG:443",
        f"annotate.example.org:{port}",
        "lab.example:9000",
    ):
        assert get(port, [f"Host: {host}"]) == 200, host
    for origin, host in (
        ("https://annotate.example.org", "annotate.example.org"),
        ("https://annotate.example.org", "annotate.example.org:443"),
        ("http://annotate.example.org", "ANNOTATE.example.org"),
        (f"http://annotate.example.org:{port}", f"annotate.example.org:{port}"),
        (f"http://[fe80::1]:{port}", f"[FE80::1]:{port}"),
        (f"http://localhost:{port}", f"localhost:{port}"),
    ):
        assert open_socket(port, [f"Host: {host}", f"Origin: {origin}"]) == 101, (origin, host)
    for origin, host in (
        ("http://annotate.example.org", "annotate.example.org:443"),
        ("https://evil.example", "annotate.example.org"),
        ("https://annotate.example.org", f"localhost:{port}"),
        ("https://x.annotate.example.org", "x.annotate.example.org"),
        ("http://lab.example", "lab.example"),
    ):
        assert open_socket(port, [f"Host: {host}", f"Origin: {origin}"]) == 403, (origin, host)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_reviewable(tmp_path / "secret")


def test_a_rebound_name_reads_nothing(rebound: Browser, server: Server, project: Project):
    page = rebound.new_page()
    asked = urlencode({"project": str(project.folder), "annotator": "Eve"})
    for host in ("evil.example", "localhost.evil.example"):
        for path in (f"/review?{asked}", f"/_stcore/health?{asked}", f"/data?view=Texts&{asked}"):
            answer = page.goto(f"http://{host}:{server.port}{path}")
            assert answer is not None
            assert answer.status == 403
            assert "does not answer to the host" in page.inner_text("body")
        assert connects(page, f"ws://{host}:{server.port}{SOCKET}") is False
        assert connects(page, f"ws://127.0.0.1:{server.port}{SOCKET}") is False
    assert page.goto(f"http://localhost:{server.port}/_stcore/health").status == 200
    assert connects(page, f"ws://localhost:{server.port}{SOCKET}") is True


def connects(page: Page, address: str) -> bool:
    """Whether a script of this page can open a session."""
    return page.evaluate(
        """address => new Promise(done => {
            const line = new WebSocket(address, ["streamlit"]);
            line.onopen = () => done(true);
            line.onerror = line.onclose = () => done(false);
        })""",
        address,
    )


@pytest.fixture
def neighbour() -> Iterator[str]:
    """Another server of this machine, whose page frames whatever stands behind `#`."""
    content = b"<iframe id=f></iframe><script>f.src = location.hash.slice(1)</script>"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with answering(Handler) as serving:
        yield f"http://localhost:{serving.server_port}"


def test_a_page_of_another_port_may_neither_connect_nor_frame(chromium: Browser, server: Server, neighbour: str):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{neighbour}/#http://localhost:{server.port}/")
    for host in ("localhost", "127.0.0.1"):
        assert connects(page, f"ws://{host}:{server.port}{SOCKET}") is False
        read = page.evaluate("url => fetch(url).then(r => r.text(), () => null)", f"http://{host}:{server.port}/")
        assert read is None
    page.wait_for_timeout(1500)
    assert page.frame_locator("#f").locator("[data-testid=stApp]").count() == 0
    context.close()


def test_the_app_works_under_each_of_its_names(page: Page, server: Server, project: Project):
    for host in ("127.0.0.1", "localhost"):
        page.goto(f"http://{host}:{server.port}/data?{urlencode({'project': str(project.folder)})}")
        expect(page.get_by_text("Equal texts").first).to_be_visible(timeout=60_000)


def test_a_session_that_came_past_the_gate_sees_nothing(page: Page, project: Project, tmp_path: Path):
    with running(tmp_path, {"INFFEED_PROJECT": str(project.folder)}, script="pages/home.py") as unguarded:
        page.goto(unguarded.url)
        expect(page.get_by_text("was not served by InfFeed's own server")).to_be_visible(timeout=60_000)
        assert "Reviews" not in page.inner_text("body")


def test_a_host_that_is_none_stops_the_server(tmp_path: Path):
    with pytest.raises(AssertionError, match="is not a host"), running(tmp_path, {"INFFEED_ALLOWED_HOSTS": "*"}):
        pass


def test_the_page_is_opened_in_the_browser_of_who_starts_the_app(tmp_path: Path):
    opened, port = tmp_path / "opened", free_port()
    (tmp_path / "xdg-open").write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    (tmp_path / "xdg-open").chmod(0o755)
    environment = os.environ | {"DISPLAY": ":0", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, "-c", "from inffeed_core.cli import main; main()", "app", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment | {"INFFEED_HOME": str(tmp_path)})
    try:
        deadline = time.monotonic() + 60
        while not (opened.exists() and opened.read_text()):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(timeout=20)
    assert opened.read_text().strip() == f"http://127.0.0.1:{port}"
