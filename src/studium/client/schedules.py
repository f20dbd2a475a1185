"""Schedules of notebooks: make, change, pause, and see what came of their times."""

from collections.abc import Iterator

from studium.client.calls import Calls, part
from studium.client.shapes import Delivery, Page, Schedule, Turn, Webhook


class Schedules:
    """`/rest/notebooks/{notebook_id}/schedules`; a schedule is named by its notebook's id and its own."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def all(self, notebook_id: str) -> list[Schedule]:
        """Those the notebook has, oldest first."""
        return self._calls.get(list[Schedule], f"/rest/notebooks/{part(notebook_id)}/schedules")

    def get(self, notebook_id: str, schedule_id: str) -> Schedule:
        return self._calls.get(Schedule, f"/rest/notebooks/{part(notebook_id)}/schedules/{part(schedule_id)}")

    def create(
        self,
        notebook_id: str,
        cron: str,
        *,
        zone: str = "UTC",
        machine: str = "",
        missed: str = "once",
        overlap: str = "skip",
        retries: int = 0,
        keep_last: int | None = None,
        notify: str = "failure",
        cell_seconds: int | None = None,
        keep_going: bool = False,
    ) -> Schedule:
        """Run the notebook as a new version at these times; without `keep_last` every version stays."""
        body = {
            "cron": cron,
            "zone": zone,
            "machine": machine,
            "missed": missed,
            "overlap": overlap,
            "retries": retries,
            "keep_last": keep_last,
            "notify": notify,
            "cell_seconds": cell_seconds,
            "keep_going": keep_going,
        }
        return self._calls.post(Schedule, f"/rest/notebooks/{part(notebook_id)}/schedules", body)

    def update(
        self,
        notebook_id: str,
        schedule_id: str,
        *,
        cron: str | None = None,
        zone: str | None = None,
        machine: str | None = None,
        missed: str | None = None,
        overlap: str | None = None,
        retries: int | None = None,
        keep_last: int | None = None,
        keep_all: bool = False,
        notify: str | None = None,
        cell_seconds: int | None = None,
        no_cell_limit: bool = False,
        keep_going: bool | None = None,
    ) -> Schedule:
        """Change what is given; `keep_all` takes `keep_last` back, `no_cell_limit` `cell_seconds`. It then runs as the one
        who changed it."""
        given = {
            "cron": cron,
            "zone": zone,
            "machine": machine,
            "missed": missed,
            "overlap": overlap,
            "retries": retries,
            "keep_last": keep_last,
            "notify": notify,
            "cell_seconds": cell_seconds,
            "keep_going": keep_going,
        }
        body: dict[str, object] = {name: value for name, value in given.items() if value is not None}
        if keep_all:
            body["keep_last"] = None
        if no_cell_limit:
            body["cell_seconds"] = None
        return self._calls.patch(Schedule, f"/rest/notebooks/{part(notebook_id)}/schedules/{part(schedule_id)}", body)

    def pause(self, notebook_id: str, schedule_id: str) -> Schedule:
        """Let its times pass."""
        return self._calls.post(Schedule, f"/rest/notebooks/{part(notebook_id)}/schedules/{part(schedule_id)}/pause")

    def resume(self, notebook_id: str, schedule_id: str) -> Schedule:
        """Go on with the next time from now."""
        return self._calls.post(Schedule, f"/rest/notebooks/{part(notebook_id)}/schedules/{part(schedule_id)}/resume")

    def delete(self, notebook_id: str, schedule_id: str) -> None:
        """Remove it; versions it made stay."""
        self._calls.do("DELETE", f"/rest/notebooks/{part(notebook_id)}/schedules/{part(schedule_id)}")

    def turns_page(self, notebook_id: str, schedule_id: str, *, cursor: str = "", limit: int = 50) -> Page[Turn]:
        """Part of what came of its times, newest first."""
        path = f"/rest/notebooks/{part(notebook_id)}/schedules/{part(schedule_id)}/turns"
        return self._calls.get(Page[Turn], path, cursor=cursor, limit=limit)

    def turns(self, notebook_id: str, schedule_id: str) -> Iterator[Turn]:
        """All that came of its times, fetched as it is read."""
        cursor = ""
        while True:
            page = self.turns_page(notebook_id, schedule_id, cursor=cursor, limit=200)
            yield from page.items
            cursor = page.next_cursor
            if not cursor:
                return

    def webhook(self, notebook_id: str, schedule_id: str) -> Webhook:
        """Where its messages go. Raises ApiError with the code `webhook.none` where it has none."""
        return self._calls.get(Webhook, f"/rest/notebooks/{part(notebook_id)}/schedules/{part(schedule_id)}/webhook")

    def set_webhook(
        self, notebook_id: str, schedule_id: str, url: str, *, notify: str = "failure", secret: str = ""
    ) -> Webhook:
        """Have messages sent there. Where a key for the signatures was made it is in the answer, this once."""
        body = {"url": url, "notify": notify, "secret": secret}
        return self._calls.put(
            Webhook, f"/rest/notebooks/{part(notebook_id)}/schedules/{part(schedule_id)}/webhook", body
        )

    def remove_webhook(self, notebook_id: str, schedule_id: str) -> None:
        """Send no more messages."""
        self._calls.do("DELETE", f"/rest/notebooks/{part(notebook_id)}/schedules/{part(schedule_id)}/webhook")

    def test_webhook(self, notebook_id: str, schedule_id: str) -> Delivery:
        """Have a test message sent; `deliveries` says how it went."""
        return self._calls.post(
            Delivery, f"/rest/notebooks/{part(notebook_id)}/schedules/{part(schedule_id)}/webhook/test"
        )

    def deliveries(self, notebook_id: str, schedule_id: str, *, limit: int = 50) -> list[Delivery]:
        """The newest messages, at most 200."""
        path = f"/rest/notebooks/{part(notebook_id)}/schedules/{part(schedule_id)}/webhook/deliveries"
        return self._calls.get(Page[Delivery], path, limit=limit).items
