"""Filters that put figures in the words people read. Times are shown in UTC with the difference to now."""

from datetime import UTC, datetime

from django import template
from django.contrib.sessions.backends.base import SessionBase
from django.utils.html import format_html
from django.utils.safestring import SafeString

from studium.lib import clock
from studium.lib.units import duration_words, money_words, size_words
from studium.web.signing_in import INVITATION_KEY

register = template.Library()


@register.filter
def duration(seconds: float | None) -> str:
    return "" if seconds is None else duration_words(seconds).removesuffix(" 00 min").removesuffix(" 0 h")


@register.filter
def size(number: float | None) -> str:
    return "" if number is None else size_words(number)


@register.filter
def money(micros: int | None) -> str:
    return "" if micros is None else money_words(micros)


@register.filter
def per_hour(micros: int) -> str:
    """A price as shown beside a machine: `$0.51 / h`, or `no charge`."""
    return f"{money_words(micros)} / h" if micros else "no charge"


@register.filter
def count(number: int | None) -> str:
    """A number of things, with its thousands apart."""
    return "" if number is None else f"{number:,}"


@register.filter
def filename(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


@register.filter
def cores(number: float) -> str:
    """A number of vCPUs without a needless `.0`."""
    return f"{number:g}"


def ago_words(seconds: float) -> str:
    if abs(seconds) < 60:
        return "just now" if seconds >= 0 else "in a moment"
    days, months = round(abs(seconds) / 86400), round(abs(seconds) / (86400 * 30))
    words = duration_words(abs(seconds)).removesuffix(" 00 min") if abs(seconds) < 172800 else f"{days} days"
    if days > 90:
        words = f"{months} months"
    return f"{words} ago" if seconds >= 0 else f"in {words}"


@register.filter
def ago(at: datetime | None, now: datetime | None = None) -> SafeString | str:
    """`12 min ago` with the exact time to hover or read out. Give the page's `now` so that one page has one clock."""
    if at is None:
        return "never"
    seconds = ((now or clock.now()) - at).total_seconds()
    exact = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(),
        f"{exact:%Y-%m-%d %H:%M:%S} UTC",
        ago_words(seconds),
    )


@register.filter
def stamp(at: datetime | None) -> SafeString | str:
    """The exact time in UTC."""
    if at is None:
        return ""
    exact = at.astimezone(UTC)
    return format_html('<time datetime="{}">{}</time>', exact.isoformat(), f"{exact:%Y-%m-%d %H:%M:%S}")


@register.filter
def has_invitation(session: SessionBase) -> bool:
    return bool(session.get(INVITATION_KEY))
