"""Teams, tokens and plans."""

from typing import Any

from studium.client.calls import Calls, part
from studium.client.shapes import Assigned, Invitation, Member, Plan, PlanSets, Project, Team, TeamDetail, Token


class Teams:
    """`/rest/teams`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def all(self) -> list[Team]:
        return self._calls.get(list[Team], "/rest/teams")

    def get(self, slug: str) -> TeamDetail:
        return self._calls.get(TeamDetail, f"/rest/teams/{part(slug)}")

    def create(self, name: str, slug: str = "") -> TeamDetail:
        """A shared team that you own."""
        return self._calls.post(TeamDetail, "/rest/teams", {"name": name, "slug": slug})

    def join(self, invitation: str) -> TeamDetail:
        """Join by an invitation link."""
        return self._calls.post(TeamDetail, "/rest/teams/join", {"invitation": invitation})

    def members(self, slug: str) -> list[Member]:
        return self._calls.get(list[Member], f"/rest/teams/{part(slug)}/members")

    def set_role(self, slug: str, username: str, role: str) -> Member:
        return self._calls.put(Member, f"/rest/teams/{part(slug)}/members/{part(username)}", {"role": role})

    def remove(self, slug: str, username: str) -> None:
        self._calls.do("DELETE", f"/rest/teams/{part(slug)}/members/{part(username)}")

    def leave(self, slug: str) -> None:
        self._calls.do("POST", f"/rest/teams/{part(slug)}/leave")

    def invitations(self, slug: str) -> list[Invitation]:
        """Open invitations; their links are not shown again."""
        return self._calls.get(list[Invitation], f"/rest/teams/{part(slug)}/invitations")

    def invite(self, slug: str, role: str = "member", email: str = "") -> Invitation:
        """A link that works once."""
        return self._calls.post(Invitation, f"/rest/teams/{part(slug)}/invitations", {"role": role, "email": email})

    def withdraw(self, slug: str, invitation_id: int) -> None:
        self._calls.do("DELETE", f"/rest/teams/{part(slug)}/invitations/{part(invitation_id)}")

    def projects(self, slug: str) -> list[Project]:
        return self._calls.get(list[Project], f"/rest/teams/{part(slug)}/projects")

    def create_project(self, slug: str, name: str) -> Project:
        return self._calls.post(Project, f"/rest/teams/{part(slug)}/projects", {"name": name})


class Tokens:
    """`/rest/tokens`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def all(self) -> list[Token]:
        return self._calls.get(list[Token], "/rest/tokens")

    def create(self, name: str, scopes: list[str], expires_in_days: int | None = 90) -> Token:
        """A token for yourself; its secret is only in this answer."""
        body = {"name": name, "scopes": scopes, "expires_in_days": expires_in_days}
        return self._calls.post(Token, "/rest/tokens", body)

    def revoke(self, token_id: int) -> None:
        self._calls.do("DELETE", f"/rest/tokens/{part(token_id)}")


class Plans:
    """`/rest/plans`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def all(self) -> list[Plan]:
        return self._calls.get(list[Plan], "/rest/plans")

    def get(self, slug: str) -> Plan:
        return self._calls.get(Plan, f"/rest/plans/{part(slug)}")

    def sets(self) -> PlanSets:
        """The sets that ship with the server."""
        return self._calls.get(PlanSets, "/rest/plans/sets")

    def load(self, names: list[str], content: dict[str, Any] | None = None) -> list[Plan]:
        """Load shipped sets by name, or the content of a plan file."""
        return self._calls.post(list[Plan], "/rest/plans/load", {"names": names, "content": content})

    def assign(self, team: str, plan: str) -> Assigned:
        return self._calls.post(Assigned, "/rest/plans/assign", {"team": team, "plan": plan})
