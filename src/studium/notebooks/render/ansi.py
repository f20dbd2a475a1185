"""Text as programs write it for a terminal, as HTML: colours become classes, every other control sequence goes."""

import re
from html import escape

_SEQUENCE = re.compile(
    r"\x1b\[([0-9;:]*)([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]|[\x00-\x08\x0b-\x1f\x7f]"
)
_STYLES = {1: "bold", 2: "dim", 3: "italic", 4: "under", 9: "strike"}
_ENDS = {22: {"bold", "dim"}, 23: {"italic"}, 24: {"under"}, 29: {"strike"}}
# The eight terminal colours, which the page's style draws to suit light and dark.
_PALETTE = [
    (0, 0, 0),
    (187, 0, 0),
    (0, 187, 0),
    (187, 187, 0),
    (0, 0, 187),
    (187, 0, 187),
    (0, 187, 187),
    (170, 170, 170),
]


def shown_lines(text: str) -> str:
    """What is left of text whose lines were overwritten with carriage returns, as progress bars do."""
    if "\r" not in text:
        return text
    return "\n".join(_overwritten(line) for line in text.replace("\r\n", "\n").split("\n"))


def _overwritten(line: str) -> str:
    shown = ""
    for part in line.split("\r")[-200:]:
        # A part that clears the line, or is coloured, replaces it; counting its escapes as text would garble it.
        shown = part if "\x1b" in part or "\x1b" in shown else part + shown[len(part) :]
    return shown


def to_html(text: str) -> str:
    """`text` escaped, with colours and styles as spans."""
    text = shown_lines(text)
    if not _SEQUENCE.search(text):
        return escape(text, quote=False)
    out: list[str] = []
    style: dict[str, str] = {}
    at = 0
    for found in _SEQUENCE.finditer(text):
        _write(out, text[at : found.start()], style)
        at = found.end()
        if found[2] == "m":
            _apply(style, found[1])
    _write(out, text[at:], style)
    return "".join(out)


def _write(out: list[str], text: str, style: dict[str, str]) -> None:
    if not text:
        return
    classes = " ".join(style.values())
    body = escape(text, quote=False)
    out.append(f'<span class="{classes}">{body}</span>' if classes else body)


def _apply(style: dict[str, str], codes: str) -> None:
    numbers = [int(n) if n.isdigit() and len(n) < 4 else 0 for n in codes.replace(":", ";").split(";")]
    while numbers:
        code = numbers.pop(0)
        if code == 0:
            style.clear()
        elif code in _STYLES:
            style[_STYLES[code]] = f"a-{_STYLES[code]}"
        elif code in _ENDS:
            for name in _ENDS[code]:
                style.pop(name, None)
        elif code in (38, 48):
            _set(style, "front" if code == 38 else "back", _extended(numbers))
        elif code in (39, 49):
            style.pop("front" if code == 39 else "back", None)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            _set(style, "front", code % 10)
        elif 40 <= code <= 47 or 100 <= code <= 107:
            _set(style, "back", code % 10)


def _set(style: dict[str, str], where: str, colour: int | None) -> None:
    if colour is not None:
        style[where] = f"a-{'f' if where == 'front' else 'b'}{colour}"


def _extended(numbers: list[int]) -> int | None:
    """Take a colour of 256 or of millions off the list, as the nearest of eight."""
    kind = numbers.pop(0) if numbers else 0
    if kind == 5 and numbers:
        return _nearest(_rgb(numbers.pop(0)))
    if kind == 2 and len(numbers) >= 3:
        rgb = (numbers.pop(0), numbers.pop(0), numbers.pop(0))
        return _nearest(rgb)
    return None


def _rgb(index: int) -> tuple[int, int, int]:
    if index < 16:
        return _PALETTE[index % 8]
    if index < 232:
        cube = index - 16
        steps = (0, 95, 135, 175, 215, 255)
        return steps[cube // 36 % 6], steps[cube // 6 % 6], steps[cube % 6]
    grey = 8 + 10 * (min(index, 255) - 232)
    return grey, grey, grey


def _nearest(rgb: tuple[int, int, int]) -> int:
    return min(range(8), key=lambda n: sum((a - b) ** 2 for a, b in zip(_PALETTE[n], rgb, strict=True)))
