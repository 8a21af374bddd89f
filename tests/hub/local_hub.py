"""A small Hugging Face Hub on this machine: what its clients ask for, and a list of what they asked.

It answers as huggingface.co does: names of revisions beside commits, files of git and of LFS (which lie at
another address), errors with their codes in headers.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

LARGE = (".safetensors", ".bin", ".parquet", ".pth", ".h5", ".msgpack", ".gguf", ".onnx")
"""Files that lie in LFS."""
REPOSITORY = r"(?P<name>[^/]+/[^/]+)"
API = re.compile(rf"/api/(?P<kind>models|datasets)/{REPOSITORY}(?:/(?P<rest>.*))?")
FILE = re.compile(rf"/(?P<kind>datasets/)?{REPOSITORY}/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
STORED = re.compile(r"/stored/(?P<digest>\w+)")

Files = Mapping[str, bytes]


@dataclass
class Repository:
    """A model or data set.

    Attributes:
        commits: The files of each commit.
        branches: The commit of each branch.
        gated: Whether a user must have been let in.
    """

    commits: dict[str, Files]
    branches: dict[str, str]
    gated: bool = False


@dataclass(frozen=True)
class RefusedError(Exception):
    """An answer that is none."""

    status: int
    code: str = ""


@dataclass
class Hub:
    """What there is, and what was asked.

    Attributes:
        url: Its address.
        repositories: By ``models/owner/name`` and ``datasets/owner/name``.
        members: Tokens of users, each with the gated repositories that let them in.
        fetched: How often the content of each file was sent: ``owner/name/path``.
        asked: Every request: method and path.
    """

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    members: dict[str, frozenset[str]] = field(default_factory=dict)
    fetched: Counter[str] = field(default_factory=Counter)
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def storage(self) -> str:
        """The address of what lies in LFS: for clients another host."""
        return self.url.replace("127.0.0.1", "localhost")

    def add(self, key: str, commit: str, files: Files, *, gated: bool = False) -> None:
        """Put a commit on the main branch of a repository, which is made where there is none."""
        repository = self.repositories.setdefault(key, Repository({}, {}, gated))
        repository.commits[commit] = dict(files)
        repository.branches["main"] = commit

    def find(self, key: str, revision: str) -> tuple[str, Files]:
        """Commit and files of a revision."""
        repository = self.repositories[key]
        commit = repository.branches.get(revision, revision)
        if commit not in repository.commits:
            raise RefusedError(404, "RevisionNotFound")
        return commit, repository.commits[commit]

    def let_in(self, key: str, token: str | None, *, content: bool) -> None:
        """Refuse a user who may not know of a repository or, where content is asked for, not read it."""
        if key not in self.repositories:
            raise RefusedError(404 if token in self.members else 401, "RepoNotFound")
        if content and self.repositories[key].gated and key not in self.members.get(token or "", ()):
            raise RefusedError(403 if token in self.members else 401, "GatedRepo")


def is_large(path: str) -> bool:
    return path.endswith(LARGE)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def described(path: str, content: bytes) -> dict[str, Any]:
    """A file as the tree of a repository lists it."""
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    large = {"lfs": {"oid": digest(content), "size": len(content), "pointerSize": 134}}
    return {
        "type": "file",
        "path": path,
        "size": len(content),
        "oid": blob,
        **(large if is_large(path) else {}),
    }


def tree(files: Files, folder: str, *, recursive: bool) -> list[dict[str, Any]]:
    """What lies in a folder of a repository."""
    before = f"{folder}/" if folder else ""
    inside = {path: content for path, content in files.items() if path.startswith(before)}
    if not inside:
        raise RefusedError(404, "EntryNotFound")
    folders = {path[len(before) :].split("/")[0] for path in inside if "/" in path[len(before) :]}
    listed = [
        described(path, content)
        for path, content in inside.items()
        if recursive or "/" not in path[len(before) :]
    ]
    return [
        {"type": "directory", "path": before + name, "oid": "0" * 40, "size": 0} for name in folders
    ] + listed


def card(files: Files) -> dict[str, Any]:
    """What stands in the head of the README."""
    head = re.match(r"---\n(.*?)\n---", files.get("README.md", b"").decode(), re.DOTALL)
    return yaml.safe_load(head[1]) if head else {}


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None:
        """Nothing on the screen."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        address = urlsplit(self.path)
        self.hub.asked.append((self.command, unquote(address.path)))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        try:
            self._find(address.path, parse_qs(address.query), parse_qs(body))
        except RefusedError as refusal:
            self._send(b"{}", status=refusal.status, headers={"X-Error-Code": refusal.code})

    def _find(self, path: str, *arguments: Mapping[str, list[str]]) -> None:
        for pattern, answer in ((API, self._api), (FILE, self._file), (STORED, self._stored)):
            if match := pattern.fullmatch(path):
                answer(match, *arguments)
                return
        raise RefusedError(404)

    @property
    def _token(self) -> str | None:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None

    def _api(
        self, match: re.Match[str], query: Mapping[str, list[str]], form: Mapping[str, list[str]]
    ) -> None:
        key, rest = f"{match['kind']}/{match['name']}", (match["rest"] or "revision/main").split("/", 2)
        rest = [unquote(part) for part in rest]
        self.hub.let_in(key, self._token, content=rest[0] not in ("revision", "tree"))
        if rest[0] == "auth-check":
            self._send(b"{}")
            return
        commit, files = self.hub.find(key, rest[1])
        if rest[0] == "tree":
            folder = rest[2] if len(rest) > 2 else ""
            said: Any = tree(
                files, folder, recursive=query.get("recursive", [""])[0].lower() in ("1", "true")
            )
        elif rest[0] == "paths-info":
            said = [described(path, files[path]) for path in form["paths"] if path in files]
        else:
            said = self._info(match["name"], key, commit, files)
        self._send(json.dumps(said).encode())

    def _info(self, name: str, key: str, commit: str, files: Files) -> dict[str, Any]:
        return {
            "id": name,
            "sha": commit,
            "private": False,
            "gated": "manual" if self.hub.repositories[key].gated else False,
            "tags": [],
            "siblings": [{"rfilename": path} for path in files],
            "cardData": card(files),
        }

    def _file(self, match: re.Match[str], *_: Any) -> None:
        key, path = f"{match['kind'] or 'models/'}{match['name']}", unquote(match["path"])
        self.hub.let_in(key, self._token, content=True)
        commit, files = self.hub.find(key, unquote(match["revision"]))
        if path not in files:
            self._send(b"", status=404, headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
            return
        content, headers = files[path], {"X-Repo-Commit": commit}
        if is_large(path):
            found = digest(content)
            headers |= {"X-Linked-Size": str(len(content)), "X-Linked-Etag": f'"{found}"'}
            headers |= {"Location": f"{self.hub.storage}/stored/{found}?of={match['name']}/{path}"}
            self._send(b"", status=302, headers=headers)
            return
        headers |= {"ETag": f'"{described(path, content)["oid"]}"'}
        self._send_content(f"{match['name']}/{path}", content, headers)

    def _stored(self, match: re.Match[str], query: Mapping[str, list[str]], _: Any) -> None:
        all_files = (files for one in self.hub.repositories.values() for files in one.commits.values())
        found = {digest(content): content for files in all_files for content in files.values()}
        self._send_content(query["of"][0], found[match["digest"]], {"ETag": f'"{match["digest"]}"'})

    def _send_content(self, name: str, content: bytes, headers: Mapping[str, str]) -> None:
        if self.command == "GET":
            self.hub.fetched[name] += 1
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if wanted is None:
            self._send(content, headers=headers)
            return
        first, last = int(wanted[1]), int(wanted[2] or len(content) - 1)
        part = content[first : last + 1]
        span = {"Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(content)}"}
        self._send(part, status=206, headers={**headers, **span})

    def _send(self, content: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve a Hub where the tests' clients look for it."""
    hub.url = os.environ["HF_ENDPOINT"]
    address = (urlsplit(hub.url).hostname, urlsplit(hub.url).port)
    server = ThreadingHTTPServer(address, type("Handler", (Handler,), {"hub": hub}))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
