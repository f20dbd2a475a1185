"""What content hosts serve beside rendered pages: pictures, sound and film, and the pages of interactive outputs.

Such a page may run scripts and nothing else: its policy gives it an opaque origin, no network, and only the libraries of this
host to load. Each kind has the least that it works with. The page that shows it in a frame says the same with `sandbox`.
"""

from pathlib import Path

from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from studium.config.options import options
from studium.environments import libraries

LIBRARY = "/-/lib/"
# The name under which an answer tells the edge its policy; no browser is told it.
POLICY_HEADER = "X-Studium-Policy"
_SCRIPTS = Path(__file__).parent / "static" / "studium" / "fenced"
MEDIA = {
    "png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "svg": "image/svg+xml",
    "mp4": "video/mp4", "webm": "video/webm", "ogg": "application/ogg", "mpeg": "audio/mpeg", "wav": "audio/wav",
    "flac": "audio/flac",
}  # fmt: skip
_DRAWN = {
    "plotly": ("plotly.min.js", "show-plotly.js"),
    "vega": ("vega.js", "vega-lite.js", "vega-embed.js", "show-vega.js"),
    "widget": ("show-widget.js", "widgets.js", "widget-end.js"),
}
_STYLE = (
    ":root{color-scheme:light}*{box-sizing:border-box}body{margin:0;font:15px/1.6 system-ui,sans-serif;color:#1b1f24}"
    ".drawn,.drawn body{background:#fff}.note{position:fixed;inset:auto 0 0;margin:0;padding:.4rem .7rem;font-size:.87rem;"
    "color:#57606a;background:#eaf1fc}pre{font:.87rem/1.5 monospace;white-space:pre-wrap;margin:0}"
    "img,svg{max-width:100%;height:auto}#output{min-width:0}.vega-embed{width:100%}"
    # Widgets are shown as saved, so that no kernel answers is no fault; their icons are of a font that is not here.
    ".jupyter-widgets-disconnected::before{content:none!important}.fa-play::before{content:'\\25B6'}.fa-pause::before{content:'\\2016'}"
    ".fa-stop::before{content:'\\25A0'}.fa-repeat::before{content:'\\21BB'}.widget-play button{font-size:.8rem}"
)
_NO_SCRIPT = (
    '<noscript><p class="note">Scripts are off in this browser, so the interactive output is not drawn.</p></noscript>'
)


def page_policy(origin: str) -> str:
    """The policy of rendered pages: no script at all; pictures, sound and frames of this host."""
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data: {origin}; media-src data: {origin}; "
        f"frame-src {origin}; base-uri 'none'; form-action 'none'; {_frames()}"
    )


def frame_policy(kind: str, origin: str) -> str:
    """The policy of an output in a frame. `sandbox` holds wherever it is opened, in a frame of ours or not."""
    if kind == "styled":
        return (
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; "
            f"form-action 'none'; {_frames()}"
        )
    scripts = f"{origin}{LIBRARY}"
    if kind == "html":
        scripts += " 'unsafe-inline' 'unsafe-eval' blob:"
    elif kind == "plotly":
        scripts += " 'unsafe-eval'"  # its drawing with WebGL makes code
    return (
        f"sandbox allow-scripts; default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
        f"font-src data:; media-src data: blob:; connect-src 'none'; worker-src blob:; base-uri 'none'; "
        f"form-action 'none'; {_frames()}"
    )


def media_policy() -> str:
    return f"sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; {_frames()}"


def _frames() -> str:
    return f"frame-ancestors 'self' {options().platform_url}"


def part_response(request: HttpRequest, kind: str, content: bytes, origin: str) -> HttpResponse | None:
    """The answer for a part of a rendering; None for a kind that is not served, or a page asked for outside a frame."""
    if kind in MEDIA:
        return HttpResponse(content, content_type=MEDIA[kind], headers={POLICY_HEADER: media_policy()})
    if kind not in (*_DRAWN, "html", "styled"):
        return None
    # A browser that says where it shows this shows it in a frame, or not at all.
    if request.headers.get("Sec-Fetch-Dest", "iframe") != "iframe":
        return None
    headers = {
        POLICY_HEADER: frame_policy(kind, origin),
        "X-DNS-Prefetch-Control": "off",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), fullscreen=()",
    }
    return HttpResponse(frame_page(kind, content), headers=headers)


def frame_page(kind: str, content: bytes) -> bytes:
    """The page around the data of an output; the data are safe between script tags, HTML of people is as it is."""
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Output</title><style>{_STYLE}</style>"
    )
    if kind == "styled":
        return f'{head}</head><body class="drawn">'.encode() + content
    if kind == "html":
        begun = '<script>document.documentElement.className="drawn"</script>'
        return f"{head}{begun}</head><body>{_NO_SCRIPT}".encode() + content
    scripts = "".join(f'<script src="{LIBRARY}{name}"></script>' for name in ("fenced.js", *_DRAWN[kind]))
    menu = '<ul hidden><li><a id="help_menu"></a></li></ul>' if kind == "widget" else ""
    begin = f'{head}</head><body><div id="output"></div>{menu}{_NO_SCRIPT}<script type="application/json" id="data">'
    return begin.encode() + content + f"</script>{scripts}</body></html>".encode()


def library(request: HttpRequest, name: str) -> HttpResponseBase | None:
    """A library, or the script that draws with it: the same for everybody, and no secret."""
    found = libraries.find(options().home, name)
    own = _SCRIPTS / name
    if found is None and (own.suffix != ".js" or own.parent != _SCRIPTS or not own.is_file()):
        return None
    tag = f'"{found.tag}"' if found else ""
    headers = (
        {"Cache-Control": "public, max-age=3600", "ETag": tag} if found else {"Cache-Control": "public, max-age=60"}
    )
    if tag and request.headers.get("If-None-Match") == tag:
        return HttpResponse(status=304, headers=headers)
    packed = found is not None and "gzip" in request.headers.get("Accept-Encoding", "")
    path = found.packed if found and packed else found.path if found else own
    if packed:
        headers["Content-Encoding"] = "gzip"
    response = FileResponse(path.open("rb"), content_type="text/javascript; charset=utf-8", headers=headers)
    response["Vary"] = "Accept-Encoding"
    return response
