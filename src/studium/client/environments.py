"""Environments: make, build anew, and read what is in them."""

from studium.client.calls import Calls, part
from studium.client.errors import ApiError
from studium.client.shapes import Build, BuildDetail, Environment


class Environments:
    """`/rest/environments`; an environment is named by its id, `default` is the one that comes with the platform."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def all(self, team: str = "") -> list[Environment]:
        """The default one and those of your teams, or one team's."""
        return self._calls.get(list[Environment], "/rest/environments", team=team)

    def find(self, name: str) -> Environment:
        """The one meant by an id, `team/slug`, or a slug in one of your teams. Raises ApiError."""
        found = [each for each in self.all() if name in (each.id, each.name, each.slug)]
        if len(found) == 1:
            return found[0]
        if not found:
            raise ApiError(
                "environment.unknown",
                f"There is no environment {name!r} that you may see.",
                "`studium environments list` shows those there are.",
                404,
            )
        names = ", ".join(each.name for each in found)
        raise ApiError(
            "environment.ambiguous",
            f"{name!r} can be {len(found)} environments: {names}.",
            "Give the team with it.",
            400,
        )

    def get(self, environment_id: str) -> Environment:
        return self._calls.get(Environment, f"/rest/environments/{part(environment_id)}")

    def create(self, title: str, source: str, *, kind: str = "requirements", team: str = "") -> Environment:
        """Make it and build it. `kind` says what `source` is: `requirements`, `pyproject` or `packages`."""
        body = {"title": title, "source": source, "kind": kind, "team": team}
        return self._calls.post(Environment, "/rest/environments", body)

    def rename(self, environment_id: str, title: str) -> Environment:
        return self._calls.patch(Environment, f"/rest/environments/{part(environment_id)}", {"title": title})

    def delete(self, environment_id: str) -> None:
        """Notebooks that use it must choose another to start again."""
        self._calls.do("DELETE", f"/rest/environments/{part(environment_id)}")

    def builds(self, environment_id: str) -> list[Build]:
        """The newest first."""
        return self._calls.get(list[Build], f"/rest/environments/{part(environment_id)}/builds")

    def build(self, environment_id: str, source: str, *, kind: str = "requirements") -> Build:
        """Build it anew."""
        body = {"source": source, "kind": kind}
        return self._calls.post(Build, f"/rest/environments/{part(environment_id)}/builds", body)

    def one_build(self, environment_id: str, number: int) -> BuildDetail:
        """A build with its packages."""
        return self._calls.get(BuildDetail, f"/rest/environments/{part(environment_id)}/builds/{part(number)}")

    def lock(self, environment_id: str, number: int) -> bytes:
        """Every package by exact version and hash, as `requirements.txt`."""
        return self._calls.get_bytes(f"/rest/environments/{part(environment_id)}/builds/{part(number)}/lock")
