"""The words of each refusal and failure the edge says itself."""

from studium.edge.pages import Say
from studium.edge.settings import EdgeConfig


def misdirected(config: EdgeConfig) -> Say:
    return Say(
        status=421,
        code="edge.unknown_host",
        title="This address is not served here",
        text=f"This server answers as {config.platform_host} only.",
        link=f"{config.platform_origin}/",
        link_text="Go to Studium",
    )


def enter_first(config: EdgeConfig, label: str) -> Say:
    return Say(
        status=403,
        code="edge.enter_first",
        title="Open it from Studium",
        text="This page is entered through Studium, where you are signed in. If you just came from there, your browser "
        "keeps no cookies for framed pages: the link below opens it in its own window.",
        link=f"{config.platform_origin}/open/{label}",
        link_text="Open it from Studium",
    )


def bad_ticket(config: EdgeConfig, label: str) -> Say:
    return Say(
        status=403,
        code="edge.bad_ticket",
        title="This link was used already",
        text="A link into a page works once and for a short time only.",
        link=f"{config.platform_origin}/open/{label}",
        link_text="Open it from Studium",
    )


def no_longer_allowed(config: EdgeConfig) -> Say:
    return Say(
        status=403,
        code="edge.not_allowed",
        title="You may not open this",
        text="Your right to it has ended, or it was never given.",
        link=f"{config.platform_origin}/",
        link_text="Go to Studium",
    )


def no_content(config: EdgeConfig) -> Say:
    return Say(
        status=404,
        code="edge.no_content",
        title="There is nothing here",
        text="What was at this address has been removed, or the address is wrong.",
        link=f"{config.platform_origin}/",
        link_text="Go to Studium",
    )


def not_running(config: EdgeConfig, label: str, message: str) -> Say:
    return Say(
        status=503,
        code="edge.not_running",
        title="This is not running",
        text=message or "Nothing runs behind this address now.",
        link=f"{config.platform_origin}/open/{label}",
        link_text="Open it from Studium",
        again=5,
    )


def content_silent(config: EdgeConfig, label: str) -> Say:
    return Say(
        status=502,
        code="edge.content_silent",
        title="The program behind this page does not answer",
        text="It may be starting or ending. This page tries again by itself.",
        link=f"{config.platform_origin}/open/{label}",
        link_text="Open it from Studium",
        again=3,
    )


WEB_SILENT = Say(
    status=503,
    code="edge.web_silent",
    title="Studium is starting",
    text="The pages do not answer at this moment. Running sessions go on. This page tries again by itself.",
    again=2,
)
PORT_DOWN = Say(
    status=503,
    code="edge.port_down",
    title="Studium is starting",
    text="Your right to this page cannot be read at this moment. Running sessions go on.",
    again=2,
)
CROSS_ORIGIN = Say(
    status=403,
    code="edge.cross_origin",
    title="Another site asked for this",
    text="A page of another address may not use this one in your name.",
)
NO_TERMINAL = Say(
    status=403,
    code="edge.no_terminal",
    title="Terminals are switched off",
    text="The plan of this session's team does not include terminals.",
)
NOT_FOUND = Say(status=404, code="edge.not_found", title="There is nothing here", text="The address is wrong.")
CROWDED = Say(
    status=503,
    code="edge.too_many_exchanges",
    title="Too many connections at once",
    text="This address has as many open connections as it may have. Close some of its tabs.",
    again=5,
)
NO_WEBSOCKET = Say(status=404, code="edge.no_websocket", title="No websocket here", text="Ask for it over HTTP.")
FULL = Say(
    status=503,
    code="edge.too_many_streams",
    title="Too many live pages",
    text="Live updates are used up for now; the page still works when loaded again.",
    again=30,
)
NOT_SIGNED_IN = Say(status=401, code="edge.not_signed_in", title="Sign in first", text="Live updates need a sign-in.")
WRONG_METHOD = Say(status=405, code="edge.wrong_method", title="Only GET works here", text="Ask for it with GET.")
FAULT = Say(
    status=500,
    code="edge.fault",
    title="Something went wrong on our side",
    text="The request was not finished. The operator finds it in the log of the edge.",
)
