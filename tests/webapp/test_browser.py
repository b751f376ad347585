"""The page in a real Chromium: upload, what is found, a hit as the next query, the way back, filters, a mistake."""

import json
import shutil
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

INSTALL = "apt-get install -y chromium chromium-driver"
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
DESKTOP, PHONE = (1280, 800), (390, 844)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    assert program and driver, f"This test needs Chromium and its driver: {INSTALL}"
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(executable_path=driver))
    yield Browser(browser)
    browser.quit()


class Browser:
    """What a person does."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, address: str, size: tuple[int, int]) -> None:
        self.resize(size)
        self.driver.get(address)
        self.until(self.rows)

    def resize(self, size: tuple[int, int]) -> None:
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def until(self, condition):
        return WebDriverWait(self.driver, 20, 0.05).until(lambda _: condition())

    def all(self, selector: str):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """Read at once: the page may replace its parts at any moment."""
        script = "const found = document.querySelector(arguments[0]); return found ? found.innerText : ''"
        return self.driver.execute_script(script, selector)

    def rows(self) -> list[str]:
        script = "return [...document.querySelectorAll('[data-image]')].map(button => button.dataset.image)"
        return self.driver.execute_script(script)

    def screenshot(self, path: Path) -> None:
        self.driver.save_screenshot(str(path))
        assert path.stat().st_size > 20_000


def test_a_visit(browser, address, searching, trained, tmp_path):
    browser.open(address, DESKTOP)
    assert browser.text("h1") == "Find a person again"
    opened = browser.rows()
    assert len(opened) == 12

    # A picture from the visitor's disk.
    browser.driver.find_element(By.ID, "fr-file").send_keys(str(trained.occluded))
    name = trained.occluded.name
    browser.until(lambda: name in browser.text(".fr-query h2") and len(browser.all(".fr-trail li")) == 2)
    bars = browser.text(".fr-bars").split()  # a hair space is between a number and its %
    expected = searching.from_upload(trained.occluded.read_bytes(), name).visibility
    assert bars[::2] == [f"{100 * score:.0f}" for score in expected] and set(bars[1::2]) == {"%"}
    found = browser.rows()
    browser.screenshot(tmp_path / "uploaded.png")

    # A hit is the next query.
    browser.all("[data-image]")[1].click()
    label = searching.gallery.path(int(found[1])).name
    browser.until(lambda: label in browser.text(".fr-query h2"))
    assert found[1] not in browser.rows()
    assert len(browser.all(".fr-trail li")) == 3

    # And back, from the keyboard.
    browser.all(".fr-back")[0].send_keys(Keys.ENTER)
    browser.until(lambda: name in browser.text(".fr-query h2"))
    assert browser.rows() == found

    # Only one camera.
    browser.all("#fr-cameras input")[0].click()
    browser.until(lambda: browser.rows() != found)
    assert set(searching.gallery.index.camids([int(row) for row in browser.rows()])) == {searching.cameras[0]}
    browser.all("#fr-cameras input")[0].click()
    browser.until(lambda: browser.rows() == found)

    # Only what is well visible; by keyboard, as somebody without a mouse would.
    slider = browser.all("#fr-visible input[type=range]")[0]
    slider.send_keys(Keys.END)
    browser.until(lambda: "No picture passes these filters" in browser.text("#fr-hits"))
    slider.send_keys(Keys.HOME)
    browser.until(lambda: browser.rows() == found)


def test_a_mistake_is_a_sentence_in_the_page(browser, address, tmp_path):
    browser.open(address, DESKTOP)
    before = browser.rows()
    (tmp_path / "letter.jpg").write_text("Dear")
    browser.driver.find_element(By.ID, "fr-file").send_keys(str(tmp_path / "letter.jpg"))
    browser.until(lambda: "letter.jpg" in browser.text("[role=alert]"))
    assert "is not an image" in browser.text("[role=alert]") and browser.rows() == before
    (tmp_path / "large.jpg").write_bytes(bytes(2**20 + 1))
    browser.driver.find_element(By.ID, "fr-file").send_keys(str(tmp_path / "large.jpg"))
    browser.until(lambda: "larger than the 1 MB" in browser.text("[role=alert]"))


def test_on_a_phone(browser, address, tmp_path):
    browser.open(address, PHONE)
    width = browser.driver.execute_script("return document.documentElement.scrollWidth")
    assert width <= PHONE[0], "nothing is cut off at the side"
    edges = [card.rect["x"] + card.rect["width"] for card in browser.all(".fr-card")]
    assert max(edges) <= PHONE[0]
    browser.screenshot(tmp_path / "phone.png")


def test_every_control_has_a_name(browser, address):
    browser.open(address, DESKTOP)
    for control in browser.all("button, input"):
        if control.is_displayed() or control.get_attribute("type") == "file":
            assert control.accessible_name, control.get_attribute("outerHTML")
    assert browser.driver.execute_script("return document.documentElement.lang") == "en"
    assert not [image for image in browser.all("img") if image.get_attribute("alt") is None]


def test_asks_nobody_else(browser, address):
    """Every request of the page, from its first byte, goes to its own server; nothing is refused or fails."""
    browser.driver.get("about:blank")
    for kind in ("performance", "browser"):
        browser.driver.get_log(kind)
    browser.open(address, DESKTOP)
    events = [json.loads(entry["message"])["message"] for entry in browser.driver.get_log("performance")]
    urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    elsewhere = [url for url in urls if not url.startswith((address, "data:", "blob:"))]
    assert len(urls) > 10 and not elsewhere
    assert not [entry for entry in browser.driver.get_log("browser") if entry["level"] == "SEVERE"]
