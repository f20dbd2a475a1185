"""Runs: how they go, what they print, what they leave."""

from studium.client.calls import Calls, part
from studium.client.shapes import LogHits, LogPart, Page, Run, UseOverTime


class Runs:
    """`/rest/runs`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def page(
        self,
        *,
        team: str = "",
        notebook: str = "",
        state: str = "",
        mine: bool = False,
        cursor: str = "",
        limit: int = 50,
    ) -> Page[Run]:
        """Part of the listing, newest first. `state` may be `live`."""
        return self._calls.get(
            Page[Run],
            "/rest/runs",
            team=team,
            notebook=notebook,
            state=state,
            mine=mine or None,
            cursor=cursor,
            limit=limit,
        )

    def get(self, run_id: str) -> Run:
        return self._calls.get(Run, f"/rest/runs/{part(run_id)}")

    def log(self, run_id: str, offset: int = 0, limit: int = 65536) -> LogPart:
        """A part of what the run printed, from a byte offset."""
        return self._calls.get(LogPart, f"/rest/runs/{part(run_id)}/log", offset=offset, limit=limit)

    def search_log(self, run_id: str, text: str, *, after: int = 0, limit: int = 50, context: int = 2) -> LogHits:
        """Lines of the log that have the text, in any case, after line `after`."""
        path = f"/rest/runs/{part(run_id)}/log/search"
        return self._calls.get(LogHits, path, text=text, after=after, limit=limit, context=context)

    def use(self, run_id: str) -> UseOverTime:
        """What the run used over its life."""
        return self._calls.get(UseOverTime, f"/rest/runs/{part(run_id)}/use")

    def stop(self, run_id: str, reason: str = "") -> Run:
        """Save and stop. Repeatable."""
        return self._calls.post(Run, f"/rest/runs/{part(run_id)}/stop", {"reason": reason})

    def document(self, run_id: str) -> bytes:
        """The notebook as the run left it."""
        return self._calls.get_bytes(f"/rest/runs/{part(run_id)}/document")
