"""What a team stores, and cleaning it up."""

from collections.abc import Sequence

from studium.client.calls import Calls, part
from studium.client.shapes import Cleaned, Storage, StorageEstimate, StoredItem


class TeamStorage:
    """`/rest/teams/<team>/storage`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def get(self, team: str, most: int = 10) -> Storage:
        """Parts and totals, with so many of the largest things of each kind."""
        return self._calls.get(Storage, f"/rest/teams/{part(team)}/storage", most=most)

    def items(self, team: str, kind: str, most: int = 50) -> list[StoredItem]:
        """The largest things of a kind."""
        return self._calls.get(list[StoredItem], f"/rest/teams/{part(team)}/storage/items", kind=kind, most=most)

    def estimate(self, team: str, size: int) -> StorageEstimate:
        """What so many more bytes would cost a month."""
        return self._calls.get(StorageEstimate, f"/rest/teams/{part(team)}/storage/estimate", bytes=size)

    def clean(self, team: str, items: Sequence[str], *, dry_run: bool = False, snapshots: bool = False) -> Cleaned:
        """Clean up things by their ids; a dry run only says what would go. With `snapshots` of workspaces one is kept first."""
        body = {"items": list(items), "dry_run": dry_run, "snapshots": snapshots}
        return self._calls.post(Cleaned, f"/rest/teams/{part(team)}/storage/clean", body)

    def set_cap(self, team: str, *, size: int | None = None, micros_month: int | None = None) -> Storage:
        """Agree to pay for more storage up to a cap, as an owner; without one, to none."""
        body = {"bytes": size, "micros_month": micros_month}
        return self._calls.put(Storage, f"/rest/teams/{part(team)}/storage/cap", body)
