"""Passkeys and one-time codes in a real Chromium, with its virtual authenticator: set up, sign out, sign in with them."""

import base64
import hashlib
import hmac
import re
import struct

import pytest
from browsing import chromium, visit
from playwright.sync_api import Browser, Page, expect

from running.platform import Platform
from studium.lib import clock

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def browser():  # type: ignore[no-untyped-def]
    with chromium() as opened:
        yield opened


def confirm(page: Page) -> None:
    """Changing how one signs in asks for the password first."""
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_load_state()


def sign_out(page: Page, platform: Platform) -> None:
    page.goto(platform.url + "/accounts/logout/")
    page.locator("main form button").first.click()
    page.wait_for_url("**/accounts/login/**")


def code_now(secret: str) -> str:
    """The six digits an authenticator app shows (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(clock.now().timestamp()) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def test_a_passkey_signs_in_without_a_password(browser: Browser, platform: Platform) -> None:
    with visit(browser, platform, "pia") as seen:
        page = seen.page
        devices = page.context.new_cdp_session(page)
        devices.send("WebAuthn.enable")
        key = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
        options = {**key, "isUserVerified": True, "automaticPresenceSimulation": True}
        devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        seen.go("/accounts/2fa/webauthn/add/")
        confirm(page)
        page.get_by_label("Name").fill("This laptop")
        passwordless = page.locator("input[name=passwordless]")
        if passwordless.count():
            passwordless.check()
        page.locator("main form button").last.click()
        page.wait_for_url(lambda url: "/webauthn/add/" not in url)
        sign_out(page, platform)
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url(platform.url + "/")
        expect(page.get_by_role("heading", name="Hello, pia")).to_be_visible()
        assert seen.faults == []


def test_a_one_time_code_is_asked_for_after_the_password(browser: Browser, platform: Platform) -> None:
    with visit(browser, platform, "tom") as seen:
        page = seen.go("/accounts/2fa/totp/activate/")
        confirm(page)
        secret = page.get_by_label(re.compile("secret", re.IGNORECASE)).input_value()
        page.locator("input[name=code]").fill(code_now(secret))
        page.locator("main form button").last.click()
        page.wait_for_url(lambda url: "/totp/activate/" not in url)
        sign_out(page, platform)
        page.locator("input[name=login]").fill("tom")
        page.locator("input[name=password]").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url("**/accounts/2fa/authenticate/**")
        page.goto(platform.url + "/notebooks/")
        expect(page).to_have_url(re.compile("/accounts/"))  # half signed in is not signed in
        page.goto(platform.url + "/accounts/2fa/authenticate/")
        page.locator("input[name=code]").fill("000000")
        page.locator("main form button").first.click()
        expect(page.locator("main")).to_contain_text(re.compile("incorrect", re.IGNORECASE))
