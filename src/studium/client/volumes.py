"""Volumes of teams, which their members' runs have at `/storage`, and snapshots of them."""

from studium.client.calls import Calls, part
from studium.client.shapes import Snapshot, Volume


class Volumes:
    """`/rest/volumes`; a volume is named by its team."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def all(self) -> list[Volume]:
        """Those of your teams."""
        return self._calls.get(list[Volume], "/rest/volumes")

    def get(self, team: str) -> Volume:
        return self._calls.get(Volume, f"/rest/volumes/{part(team)}")

    def create(self, team: str, size_bytes: int) -> Volume:
        return self._calls.post(Volume, f"/rest/volumes/{part(team)}", {"size_bytes": size_bytes})

    def resize(self, team: str, size_bytes: int) -> Volume:
        """Larger at once, smaller once no run has it."""
        return self._calls.patch(Volume, f"/rest/volumes/{part(team)}", {"size_bytes": size_bytes})

    def cancel(self, team: str) -> Volume:
        """Give up a smaller size, or a snapshot that is to be put back, that waits for runs to end."""
        return self._calls.post(Volume, f"/rest/volumes/{part(team)}/cancel", {})

    def delete(self, team: str) -> None:
        """With all its files and snapshots, once no run has it."""
        self._calls.do("DELETE", f"/rest/volumes/{part(team)}")

    def snapshots(self, team: str) -> list[Snapshot]:
        """Newest first."""
        return self._calls.get(list[Snapshot], f"/rest/volumes/{part(team)}/snapshots")

    def snapshot(self, team: str, note: str = "") -> Snapshot:
        """Have one taken; it is there once its `state` is ready."""
        return self._calls.post(Snapshot, f"/rest/volumes/{part(team)}/snapshots", {"note": note})

    def forget(self, team: str, snapshot_id: str) -> None:
        self._calls.do("DELETE", f"/rest/volumes/{part(team)}/snapshots/{part(snapshot_id)}")

    def restore(self, team: str, snapshot_id: str) -> Volume:
        """Put it back once no run has the volume; what is in it is kept as a snapshot first."""
        return self._calls.post(Volume, f"/rest/volumes/{part(team)}/snapshots/{part(snapshot_id)}/restore", {})
