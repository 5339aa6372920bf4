"""
Prefect's UI, driven as a person drives it: a browser, its forms, its buttons.

Fields are found by the label above them (Prefect ties no label to its field), pages by what stands on them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, Response, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SIZE = {"width": 1280, "height": 1000}
PATIENCE = 60.0  # seconds for a page to show what it must; a loaded machine needs thirty


@contextmanager
def browser_page() -> Iterator[Page]:
    """One tab of a Chromium of our own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]  # a size is a plain mapping
        page.set_default_timeout(1000 * PATIENCE)
        try:
            yield page
        finally:
            browser.close()


class PrefectUi:
    """The pages of one Prefect server."""

    def __init__(self, page: Page, url: str, pictures: Path | None = None) -> None:
        self.page, self.url, self.pictures = page, url, pictures

    # -- what a person does ------------------------------------------------------------------------------------------

    def open_run_form(self, flow: str) -> None:
        """Deployments, the row of this flow, Run, Custom run."""
        page = self.page
        page.goto(f"{self.url}/deployments")
        page.get_by_role("row").filter(has=page.get_by_text(flow, exact=True)).get_by_role("link").first.click()
        page.get_by_role("button", name="Run", exact=True).click()
        page.get_by_text("Custom run", exact=True).click()
        page.get_by_text("Validate parameters", exact=True).wait_for()

    def submit_run(self) -> str:
        """Submit the run form; the new run's id, of which the page is opened."""
        answer = self._click_for("/create_flow_run", self.page.get_by_role("button", name="Submit", exact=True))
        assert answer.ok, f"{answer.status}: {answer.text()[:500]}"
        run_id = str(answer.json()["id"])
        self.open_run(run_id)
        return run_id

    def _click_for(self, call: str, button: Locator) -> Response:
        """Click, as often as the server says that it is busy (503: its SQLite is locked); its answer to this call."""
        tries = 5
        while True:
            with self.page.expect_response(lambda answer: answer.url.endswith(call)) as answered:
                button.click()
            tries -= 1
            if answered.value.status != 503 or not tries:
                return answered.value
            self.page.wait_for_timeout(1000)

    def open_run(self, run_id: str, tab: str = "") -> None:
        self.page.goto(f"{self.url}/runs/flow-run/{run_id}" + (f"?tab={tab}" if tab else ""))

    def open_resume_form(self, run_id: str) -> Locator:
        """
        Open the page of a run that is suspended, click Resume; the dialog.

        The page is loaded anew: one that was open while the run changed its state may draw itself again, and close it.
        """
        self.open_run(run_id)
        self.page.get_by_role("button", name="Resume", exact=True).click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_text("Decision", exact=True).wait_for()
        return dialog

    def submit_resume(self) -> float:
        """Submit the form of a resume; when the click was, by the wall clock."""
        at = time.time()
        self._click_for("/resume", self.page.get_by_role("dialog").get_by_role("button", name="Submit", exact=True))
        return at

    def fill(self, label: str, text: str) -> None:
        self.field(label).fill(text)

    def choose(self, label: str, option: str) -> None:
        """A value of a list."""
        found = self.field(label)
        if found.evaluate("field => field.tagName") == "SELECT":  # drawn for fingers
            found.select_option(label=option)
            return
        found.focus()
        self.page.keyboard.press("ArrowDown")  # a click that scrolls the dialog opens the list and closes it again
        self.page.locator(".p-select-option").filter(has_text=option).click()

    # -- what a person sees ------------------------------------------------------------------------------------------

    def field(self, label: str) -> Locator:
        """The first field after the label that begins so."""
        kinds = "self::textarea or self::input or self::select or contains(@class, 'p-select-button__control')"
        after = f"following::*[{kinds}][1]"
        return self.page.locator(f"xpath=//label[starts-with(normalize-space(.), '{label}')]/{after}").first

    def value(self, label: str) -> str:
        """What stands in a field or is chosen in a list."""
        found = self.field(label)
        listed = found.evaluate("field => field.tagName") == "BUTTON"
        return found.inner_text().strip() if listed else found.input_value()

    def labels(self) -> list[str]:
        return [text.strip() for text in self.page.locator("label").all_inner_texts()]

    def shows(self, text: str | re.Pattern[str], within: float = PATIENCE) -> None:
        self.page.get_by_text(text).first.wait_for(timeout=1000 * within)

    def shot(self, name: str, *, height: int = SIZE["height"], only: Locator | None = None) -> None:
        """A picture for the documentation, where one is wanted; heights leave out the lines that name folders."""
        if self.pictures is not None:
            self.page.set_viewport_size({"width": SIZE["width"], "height": height})
            self.page.wait_for_timeout(700)  # toasts and transitions
            (only or self.page).screenshot(path=self.pictures / f"{name}.png")
            self.page.set_viewport_size(SIZE)  # type: ignore[arg-type]  # as above
