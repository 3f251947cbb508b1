"""The report in headless Chromium, from the file, at desktop and phone width, light and dark."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from chromium import DESKTOP_PX, PHONE_PX, OpenPage
from wrinkle_client.html_report.run_report import write_run_report
from written_runs import write_run

pytestmark = [pytest.mark.live, pytest.mark.needs("chromium")]

NAMES = [f"visit {number}.jpg" for number in (*range(7), 10)] + ["z <script>document.title='hacked'</script>.jpg"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "may & june"
    return write_run_report(write_run(folder, NAMES, failed=["wall.jpg", "sky.jpg"]))


def cards(page: Page) -> list[str]:
    return page.locator(".card:visible h3").all_text_contents()


@pytest.mark.parametrize("size_px", [DESKTOP_PX, PHONE_PX], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_is_accessible_quiet_and_asks_nobody(
    open_page: OpenPage, report: Path, size_px: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    opened = open_page(report, size_px, scheme)
    page = opened.page
    expect(page).to_have_title("may & june · wrinkle report")
    assert cards(page) == NAMES
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.locator(".card img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") == 64
    page.locator(".card button").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.evaluate("document.querySelector('dialog').scrollWidth <= window.innerWidth")
    violations = Axe().run(page).response["violations"]  # contrast of all texts included
    page.get_by_role("button", name="Close").click()
    violations += Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in violations] == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(14, 20, 25)") == (scheme == "dark")
    assert opened.complaints == []
    assert all(address.startswith(report.parent.as_uri()) for address in opened.requests)


def test_filters_order_and_pictures_follow_the_tools(open_page: OpenPage, report: Path) -> None:
    page = open_page(report).page
    page.get_by_label("At least").fill("6")
    assert cards(page) == NAMES[6:]
    page.get_by_label("Order").select_option("figure, high first")
    assert cards(page) == NAMES[:5:-1]
    expect(page.get_by_role("status")).to_have_text("3 of 9 shown")
    page.get_by_label("At most").fill("6")
    assert cards(page) == ["visit 6.jpg"]
    page.get_by_label("At least").fill("")
    page.get_by_label("only with warnings").check()
    assert cards(page) == ["visit 6.jpg", "visit 3.jpg", "visit 0.jpg"]
    page.get_by_role("searchbox", name="Name").fill("SIT 3")
    assert cards(page) == ["visit 3.jpg"]
    page.get_by_role("searchbox", name="Name").fill("nobody")
    expect(page.get_by_text("No photograph fits these filters.")).to_be_visible()
    page.get_by_role("radio", name="Mask").first.check()
    assert page.locator('[data-index="3"] img').get_attribute("src") == "report-files/photo3-mask.webp"


def test_the_keyboard_reaches_everything(open_page: OpenPage, report: Path) -> None:
    page = open_page(report).page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the pictures")).to_be_focused()
    page.get_by_role("radio", name="Lines").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".card img").first.get_attribute("src") == "report-files/photo0-mask.webp"
    page.get_by_role("button", name="Show visit 0.jpg large").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert dialog.get_by_role("img").get_attribute("src") == "photo0-mask.png"
    expect(dialog.get_by_role("row", name="whole face 0.0 0.00 0.50 1.00 0.10 90")).to_be_visible()
    expect(dialog.get_by_role("row", name="chin - - - - - 0")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("heading")).to_have_text("visit 1.jpg")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Show visit 1.jpg large")).to_be_focused()


def test_a_thousand_photographs_stay_usable(open_page: OpenPage, tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in range(1000)]
    report = write_run_report(write_run(tmp_path / "run", names, side_px=16, kinds=("overlay",)))
    opened = open_page(report)
    assert (
        len([address for address in opened.requests if address.endswith(".webp")]) < 200
    )  # the others when scrolled to
    started_s = time.perf_counter()
    opened.page.get_by_label("Order").select_option("figure, high first")
    assert opened.page.locator(".card h3").first.text_content() == "999.jpg"
    assert time.perf_counter() - started_s < 2
    assert report.stat().st_size < 4 * 2**20
