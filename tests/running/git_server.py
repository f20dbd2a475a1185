"""A git server on loopback: bare repositories below a folder, over HTTP by `git http-backend`, some behind a password."""

import base64
import os
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

IDENTITY = {
    "GIT_AUTHOR_NAME": "Somebody", "GIT_AUTHOR_EMAIL": "somebody@example.org", "GIT_COMMITTER_NAME": "Somebody",
    "GIT_COMMITTER_EMAIL": "somebody@example.org", "GIT_AUTHOR_DATE": "2026-03-01T10:00:00Z",
    "GIT_COMMITTER_DATE": "2026-03-01T10:00:00Z", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
    "PATH": "/usr/bin:/bin", "HOME": "/nowhere", "GIT_ALLOW_PROTOCOL": "file",
}  # fmt: skip


def git(folder: Path, *words: str, given: bytes | None = None) -> str:
    done = subprocess.run(["git", *words], cwd=folder, env=IDENTITY, input=given, capture_output=True, check=False)
    assert done.returncode == 0, (words, done.stderr.decode())
    return done.stdout.decode().strip()


class GitServer:
    """`make` makes a repository, `commit` adds to it. With a password (`user:password`) everything is behind it."""

    def __init__(self, folder: Path, tls: ssl.SSLContext | None = None) -> None:
        self.folder = folder
        self.password = ""
        self.asked: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self) -> None:
                server._answer(self)

            do_POST = do_PUT = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"
        self.entry = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def url(self, name: str) -> str:
        return f"{self.origin}/{name}.git"

    def make(self, name: str, files: dict[str, str | bytes] | None = None) -> Path:
        """A repository with a first commit of the files on `main`; the folder to work in."""
        bare, work = self.folder / f"{name}.git", self.folder / f"{name}.work"
        git(self.folder, "init", "-q", "--bare", "-b", "main", str(bare))
        git(bare, "config", "http.receivepack", "true")
        git(bare, "config", "uploadpack.allowReachableSHA1InWant", "true")
        git(self.folder, "init", "-q", "-b", "main", str(work))
        git(work, "remote", "add", "origin", str(bare))
        if files is not None:
            self.commit(name, files)
        return work

    def commit(
        self, name: str, files: dict[str, str | bytes | None], message: str = "A change", branch: str = "main"
    ) -> str:
        """Commit files (None removes one) and push; the commit."""
        work = self.folder / f"{name}.work"
        for path, content in files.items():
            target = work / path
            if content is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
        git(work, "add", "--all", "--force", ".")
        git(work, "commit", "-q", "--allow-empty", "-m", message)
        git(work, "push", "-q", "origin", f"HEAD:refs/heads/{branch}")
        return git(work, "rev-parse", "HEAD")

    def head(self, name: str, branch: str = "main") -> str:
        return git(self.folder / f"{name}.git", "rev-parse", branch)

    def _let_in(self, request: BaseHTTPRequestHandler) -> bool:
        given = request.headers.get("Authorization", "")
        self.asked.append(f"{request.command} {request.path} {given}")
        if self.password and given != "Basic " + base64.b64encode(self.password.encode()).decode():
            request.send_response(401)
            request.send_header("WWW-Authenticate", 'Basic realm="git"')
            request.end_headers()
            return False
        return True

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        if not self._let_in(request):
            return
        where = urlsplit(request.path)
        env = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(self.folder), "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": where.path, "QUERY_STRING": where.query, "REQUEST_METHOD": request.command,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""), "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""), "GIT_CONFIG_NOSYSTEM": "1",
            "REMOTE_USER": "somebody", "REMOTE_ADDR": "127.0.0.1", "HOME": "/nowhere",
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
        }  # fmt: skip
        body = body_of(request)
        done = subprocess.run(["git", "http-backend"], env=env, input=body, capture_output=True, check=False)
        head, _, rest = done.stdout.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        status = next((line.split()[1] for line in lines if line.startswith("Status:")), "200")
        request.send_response(int(status))
        for line in lines:
            if ":" in line and not line.startswith("Status:"):
                request.send_header(*line.split(": ", 1))
        request.end_headers()
        request.wfile.write(rest)


def body_of(request: BaseHTTPRequestHandler) -> bytes:
    """All of it, or what came of it before the connection ended."""
    if request.headers.get("Transfer-Encoding", "").lower() == "chunked":
        found = b""
        while size := int(request.rfile.readline().split(b";")[0], 16):
            found += request.rfile.read(size)
            request.rfile.readline()
        request.rfile.readline()
        return found
    return request.rfile.read(int(request.headers.get("Content-Length") or 0))
