"""Files behind an fsspec URL: requests are made again where they fail, and errors say what to do."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from lorr_bench.errors import MissingPackageError, StoreError
from lorr_bench.store.disk import FULL

RETRY_DELAYS_SECONDS: Final = (1.0, 4.0)
PACKAGES: Final = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]+://")
_MORE_THAN_A_FOLDER: Final = re.compile(r"://[^/]*:[^/]*@|[?#]|::")

T = TypeVar("T")


def is_url(location: str) -> bool:
    """Whether a location is a URL, not a path."""
    return _SCHEME.match(location) is not None


class RemoteFiles:
    """Files under a URL, named by paths relative to it.

    Args:
        url: Of the folder.
        delays_seconds: Waits before a request that failed is made again.

    Attributes:
        url: Of the folder.
        system: The fsspec file system.

    Raises:
        StoreError: The URL can't be used.
        MissingPackageError: It needs a package that is not installed.
    """

    def __init__(self, url: str, delays_seconds: Sequence[float] = RETRY_DELAYS_SECONDS) -> None:
        self.url = url.rstrip("/")
        self.system, self._base = file_system(url)
        self._delays_seconds = delays_seconds

    def text(self, name: str) -> str | None:
        """What a small file holds; None where there is none."""
        try:
            content: bytes = self._ask(lambda: self.system.cat_file(self._place(name)))
        except FileNotFoundError:
            return None
        return content.decode("utf-8", "replace")

    def write(self, name: str, text: str) -> None:
        """Write a small file."""
        self._ask(lambda: self.system.pipe_file(self._place(name), text.encode()))

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file to this machine.

        Raises:
            FileNotFoundError: There is none.
            OSError: The disk of this machine is full.
            StoreError: It can't be fetched.
        """
        self._ask(lambda: self.system.get_file(self._place(name), str(target)))

    def send(self, file: Path, name: str) -> None:
        """Copy a file from this machine. It appears whole: object stores see to that, folders by renaming."""
        place = self._place(name)
        part = f"{place}.{uuid.uuid4().hex}.part" if "file" in _protocols(self.system) else place
        try:
            self._ask(lambda: self.system.put_file(str(file), part))
            if part != place:
                self._ask(lambda: self.system.mv(part, place))
        except FileNotFoundError as error:  # such as a bucket that does not exist
            raise self._trouble(error) from error

    def remove(self, name: str) -> None:
        """Delete a file, if there is one."""
        with suppress(FileNotFoundError):
            self._ask(lambda: self.system.rm_file(self._place(name)))

    def size_bytes(self, name: str) -> int:
        """Size of a file; 0 where there is none."""
        try:
            return int(self._ask(lambda: self.system.size(self._place(name))))
        except FileNotFoundError:
            return 0

    def all_names(self) -> set[str]:
        """Names of all files below the folder, relative to it.

        One flat listing: an object store gives it in pages of a thousand names, not folder by folder.
        """
        try:
            found: list[str] = self._ask(lambda: self.system.find(self._base))
        except FileNotFoundError:
            return set()
        prefix = f"{self._base.lstrip('/')}/"
        return {name.lstrip("/").removeprefix(prefix) for name in found}

    def _place(self, name: str) -> str:
        return f"{self._base}/{name}"

    def _ask(self, request: Callable[[], T]) -> T:
        """Make a request, again where it fails.

        Raises:
            FileNotFoundError: There is no such file.
            OSError: The disk of this machine is full.
            StoreError: It fails for another reason.
        """
        delays = iter(self._delays_seconds)
        while True:
            try:
                return request()
            except FileNotFoundError:
                raise
            except Exception as error:  # each kind of store has errors of its own
                if isinstance(error, OSError) and error.errno in FULL:
                    raise
                delay = next(delays, None)
                if delay is None or isinstance(error, PermissionError):
                    raise self._trouble(error) from error
            time.sleep(delay)

    def _trouble(self, error: Exception) -> StoreError:
        return StoreError(
            f"the store can't be used: {type(error).__name__}: {error}",
            where=self.url,
            fix="Check network and credentials, then run the same command again.",
        )


def file_system(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path in it.

    Raises:
        StoreError: The URL holds a password or a query, or is of an unknown kind.
        MissingPackageError: A package is missing.
    """
    from fsspec.core import url_to_fs

    scheme = url.partition("://")[0].lower()
    if _MORE_THAN_A_FOLDER.search(url):
        raise StoreError(
            "a store's URL has only a kind, a bucket and a folder",
            where="--store",
            fix="Leave credentials to the environment or to the configuration of the cloud's own tools.",
        )
    options = {"auto_mkdir": True} if scheme in ("file", "local") else {}
    try:
        system, base = url_to_fs(url, **options)
    except ImportError as error:
        package = PACKAGES.get(scheme, scheme)
        fix = f"Install it: pip install {package}"
        raise MissingPackageError(
            f"{scheme}:// needs the package {package}", where="--store", fix=fix
        ) from error
    except ValueError as error:
        fix = "Use a path, s3:// or gs://."
        raise StoreError(f"no such kind of store: {error}", where="--store", fix=fix) from error
    return system, str(base).rstrip("/")


def _protocols(system: Any) -> tuple[str, ...]:
    return (system.protocol,) if isinstance(system.protocol, str) else tuple(system.protocol)
