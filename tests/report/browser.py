"""A page in Chromium: driven by a script of the test, and read after it."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from page_contents import Page

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PRELUDE = """
const one = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];
const part = (name) => one(`[data-part="${name}"]`).textContent;
const column = (number) => all("#sheet-conduct tbody tr").map((row) => row.cells[number].textContent);
const enter = (field, value, kind) => { field.value = value; field.dispatchEvent(new Event(kind)); };
const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
"""


def driven(page: str, script: str) -> str:
    """The page with a script of the test after its own, which the policy then has to name."""
    source = f"{PRELUDE}\nconst seen = [];\n{script}\none('h1').textContent = JSON.stringify(seen);"
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    policy = page.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    return policy.replace("</body>", f"<script>{source}</script></body>")


def rendered(page: str, folder: Path, address: str = "", width: int = 800) -> Page:
    """The page after its scripts have run, in a window of so many pixels."""
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    command = [
        f"{BROWSER}",
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=2000",
        f"--window-size={width},600",
        f"--user-data-dir={folder / 'profile'}",
        "--dump-dom",
        f"{path.as_uri()}{address}",
    ]
    found = subprocess.run(command, capture_output=True, timeout=60, check=True)
    return Page(found.stdout.decode())


def seen(page: str, script: str, folder: Path, address: str = "", width: int = 800) -> list[Any]:
    """What the script pushed onto ``seen``."""
    found: list[Any] = json.loads(rendered(driven(page, script), folder, address, width).texts("h1")[0])
    return found
