"""A real browser, driven over the WebDriver protocol with the standard library alone."""

from __future__ import annotations

import base64
import json
import shutil
import urllib.request
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")


class Browser:
    """One session; `run` returns what the script returns."""

    def __init__(self, port: int, width: int, folder: Path) -> None:
        self._root = f"http://127.0.0.1:{port}/session"
        options = {
            "binary": CHROMIUM,
            "args": [
                "--headless=new",
                "--no-sandbox",
                f"--window-size={width},1000",
                f"--user-data-dir={folder}",
            ],
        }
        always = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        self._root += "/" + self._send("POST", "", {"capabilities": {"alwaysMatch": always}})["sessionId"]

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._root + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return json.loads(answer.read())["value"]

    def go(self, page: Path) -> None:
        self._send("POST", "/url", {"url": page.as_uri()})

    def run(self, script: str) -> Any:
        return self._send("POST", "/execute/sync", {"script": script, "args": []})

    def press(self, *keys: str) -> None:
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._send("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def hover(self, selector: str) -> None:
        """Move the pointer onto the middle of the first element that matches."""
        place = self.run(
            f"const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center'}});"
            "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]"
        )
        moves = [
            {"type": "pointerMove", "duration": 0, "x": round(x), "y": round(place[1])} for x in (0, place[0])
        ]
        pointer = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": moves}
        self._send("POST", "/actions", {"actions": [pointer]})

    def choose(self, select: str, value: str | int) -> None:
        """Take an option of a select as a person would; an error where it has no such option."""
        self.run(
            f"const s = document.getElementById('{select}'); s.value = '{value}';"
            "if (s.selectedIndex < 0) throw new Error('no such choice');"
            "s.dispatchEvent(new Event('change'));"
        )

    def text(self, element: str) -> str:
        return str(self.run(f"return document.getElementById('{element}').textContent"))

    def command(self, name: str, **parameters: Any) -> Any:
        """Send a command of the DevTools protocol."""
        return self._send("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def dark(self, on: bool) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if on else "light"}
        self.command("Emulation.setEmulatedMedia", features=[scheme])

    def width(self, pixels: int) -> None:
        self.command(
            "Emulation.setDeviceMetricsOverride", width=pixels, height=1000, deviceScaleFactor=1, mobile=False
        )

    def unfold(self) -> None:
        """Open every section that the page folds."""
        self.run("document.querySelectorAll('main .fold').forEach((fold) => { fold.open = true; })")

    def screenshot(self, file: Path) -> Path:
        """Save the whole page as a picture, unfolded."""
        self.unfold()
        found = self.command("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(found["data"]))
        return file

    def paper(self, file: Path) -> Path:
        """Save the page as it prints."""
        file.write_bytes(base64.b64decode(self.command("Page.printToPDF", printBackground=True)["data"]))
        return file

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self._send("POST", "/se/log", {"type": "browser"})]

    def close(self) -> None:
        self._send("DELETE", "")


def quiet(browser: Browser) -> None:
    """Nothing complained, nothing was loaded, nothing is not a number, and the page does not scroll sideways."""
    assert browser.complaints() == []
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    assert browser.run(
        "return [...document.querySelectorAll('main svg *')].filter(e => [...e.attributes].some(a => "
        "/NaN|undefined|Infinity/.test(a.value))).map(e => e.outerHTML)"
    ) == []  # fmt: skip
    browser.unfold()
    wide = browser.run(
        "return document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]"
        ".filter(e => e.getBoundingClientRect().right > innerWidth && !e.closest('.scroll, pre, svg'))"
        ".map(e => e.tagName + '.' + e.className + ' in ' + e.closest('section, header, nav').id)"
    )
    assert not wide, "\n".join(wide)
