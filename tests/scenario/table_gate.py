"""A door in front of the table service: one thing is held there and never passed on, all else goes through."""

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Of one hop alone (RFC 9110, 7.6.1); the length is set anew.
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_PATIENCE = 60


@dataclass(slots=True)
class Gate:
    """The door.

    Attributes:
        connection: the connection string that leads through it.
        held: set once a request is held.
        opened: set it, and what is held is dropped without an answer.
    """

    connection: str
    held: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)


@contextmanager
def table_gate(connection: str, verb: str, path: str) -> Iterator[Gate]:
    """A door that holds requests of a verb whose path matches a pattern."""
    found = re.search(r"(?<=TableEndpoint=)http://([^/:]+):(\d+)", connection)
    assert found is not None
    host, port = found[1], int(found[2])

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def passed(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.command == verb and re.search(path, self.path):
                gate.held.set()
                gate.opened.wait(_PATIENCE)
                self.close_connection = True
                return
            behind = http.client.HTTPConnection(host, port, timeout=_PATIENCE)
            try:
                behind.request(self.command, self.path, body or None, dict(self.headers.items()))
                answer = behind.getresponse()
                given = answer.read()
            finally:
                behind.close()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(given)))
            self.end_headers()
            self.wfile.write(given)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_MERGE = passed  # noqa: N815  the server's own names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the server's own name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        server.daemon_threads = True
        gate = Gate(connection.replace(found[0], f"http://127.0.0.1:{server.server_address[1]}"))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield gate
        finally:
            gate.opened.set()
            server.shutdown()
