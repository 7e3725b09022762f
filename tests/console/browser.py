"""A real Chromium on the console: pages opened, forms filled, axe asked, pictures taken."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Browser, FloatRect, Page, expect, sync_playwright

from tests.e2e.system import ROOT

AXE: Final = ROOT / "node_modules" / "axe-core" / "axe.min.js"
#: Where the documentation's pictures are written when CARRYOVER_SCREENSHOTS is set; else they are thrown away.
IMAGES: Final = ROOT / "docs" / "images"
PATIENCE: Final = 240_000.0  #: milliseconds; a machine may be busy

#: What axe looks at: the whole page, but of each table the first rows only, since the others are made alike.
CONTEXT: Final = "{exclude: [['tbody tr:nth-child(n + 5)']]}"

Scheme = Literal["light", "dark"]
BOTH: Final[tuple[Scheme, ...]] = ("light", "dark")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of this machine; the test is skipped, and says what to install, where there is none."""
    program = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
    )
    if not program:
        pytest.skip("Chromium is not installed: run `make setup`, or on Debian `apt-get install chromium`")
    if not AXE.exists():
        pytest.skip("axe-core is not installed: run `make setup`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            browser.close()


class Console:
    """One person at the console, and what went wrong on the way: errors of scripts, refused resources, axe's findings."""

    def __init__(self, browser: Browser, address: str, folder: Path) -> None:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
        context.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        self.page: Page = context.new_page()
        self.context = context
        self.address = f"{address}/console"
        self.home = ""
        self.troubles: list[str] = []
        self._images = IMAGES if os.environ.get("CARRYOVER_SCREENSHOTS") else folder
        self._axe = AXE.read_text("utf-8")
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        self.page.on("request", self._asked)

    def _heard(self, message: Any) -> None:
        # A refusal comes with a status of 4xx, which the browser notes; it is shown, and tested where it is meant.
        if message.type in ("error", "warning") and "the server responded with a status of 4" not in message.text:
            self.troubles.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(self.address.removesuffix("/console")):
            self.troubles.append(f"asked another host: {request.url}")

    def open(self, place: str = "") -> Page:
        """Open a page of the migration, or the list when none was created yet."""
        self.page.goto(f"{self.home or self.address}{'/' + place if place else ''}")
        return self.page

    def press(self, name: str, *, exact: bool = True) -> None:
        """Press the button of that name, which sends a form, and wait for the page that answers."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=exact).click()

    def ended(self, run: str) -> str:
        """Wait until the run that is watched has ended by itself; its state and message."""
        assert f"/runs/{run}" in self.page.url, self.page.url
        self.page.locator("#live:not([hx-get])").wait_for()
        return self.page.locator("#stands").inner_text()

    def text(self) -> str:
        """What the page says."""
        return self.page.locator("main").inner_text()

    def look(self, name: str = "", *, schemes: tuple[Scheme, ...] = ("light",)) -> None:
        """Ask axe about the page as it is, light and dark, wide and narrow, see that nothing sticks out at 390 px, and take
        its picture: in each of ``schemes``, and with more than one of them at 390 px too.
        """
        for scheme in BOTH:
            self.page.emulate_media(color_scheme=scheme)
            self._examine(f"{self.page.url} ({scheme})")
            if name and scheme in schemes:
                self._picture(name if scheme == "light" else f"{name}-{scheme}")
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size({"width": 390, "height": 844})
        self._examine(f"{self.page.url} (390 px)")
        wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            self.troubles.append(f"{self.page.url}: {wide} px too wide at 390 px")
        if name and len(schemes) > 1:
            self._picture(f"{name}-narrow")
        self.page.set_viewport_size({"width": 1280, "height": 900})

    def _picture(self, name: str) -> None:
        """The page from its top, as far down as a reader of the documentation would scroll."""
        wide, high = self.page.evaluate("[innerWidth, Math.min(document.documentElement.scrollHeight, 1600)]")
        clip: FloatRect = {"x": 0, "y": 0, "width": wide, "height": high}
        self.page.screenshot(
            path=self._images / f"console-{name}.png", full_page=True, clip=clip, animations="disabled"
        )

    def _examine(self, where: str) -> None:
        self.page.evaluate(self._axe)
        found = self.page.evaluate(f"axe.run({CONTEXT}, {{resultTypes: ['violations']}}).then(run => run.violations)")
        self.troubles += [
            f"axe at {where}: {one['id']}: {node['target']} {node['failureSummary']}"
            for one in found
            for node in one["nodes"][:3]
        ]

    def fine(self) -> None:
        """Nothing went wrong so far."""
        assert self.troubles == []
