"""The installation, for administrators."""

from studium.client.calls import Calls, part
from studium.client.shapes import Check, Dataset, Event, LoginLink, Machine, Notebook, Page, Report, Run, User


class Admin:
    """`/rest/admin`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def users(self, q: str = "", cursor: str = "", limit: int = 50) -> Page[User]:
        return self._calls.get(Page[User], "/rest/admin/users", q=q, cursor=cursor, limit=limit)

    def create_user(self, username: str, email: str, operator: bool = False) -> LoginLink:
        """A person, and a one-time address with which they sign in."""
        body = {"username": username, "email": email, "operator": operator}
        return self._calls.post(LoginLink, "/rest/admin/users", body)

    def login_link(self, username: str) -> LoginLink:
        return self._calls.post(LoginLink, f"/rest/admin/users/{part(username)}/login-link")

    def deactivate(self, username: str) -> User:
        return self._calls.post(User, f"/rest/admin/users/{part(username)}/deactivate")

    def activate(self, username: str) -> User:
        return self._calls.post(User, f"/rest/admin/users/{part(username)}/activate")

    def set_operator(self, username: str, operator: bool) -> User:
        return self._calls.post(User, f"/rest/admin/users/{part(username)}/operator", {"operator": operator})

    def machines(self) -> list[Machine]:
        """All machines, gone ones too."""
        return self._calls.get(list[Machine], "/rest/admin/machines")

    def drain(self, machine: str) -> Machine:
        return self._calls.post(Machine, f"/rest/admin/machines/{part(machine)}/drain")

    def open(self, machine: str) -> Machine:
        return self._calls.post(Machine, f"/rest/admin/machines/{part(machine)}/open")

    def runs(self, state: str = "", user: str = "", cursor: str = "", limit: int = 50) -> Page[Run]:
        return self._calls.get(Page[Run], "/rest/admin/runs", state=state, user=user, cursor=cursor, limit=limit)

    def stop(self, run_id: str, reason: str = "") -> Run:
        """Stop anybody's run; the reason is told to its owner."""
        return self._calls.post(Run, f"/rest/admin/runs/{part(run_id)}/stop", {"reason": reason})

    def events(self, kind: str = "", subject: str = "", cursor: str = "", limit: int = 50) -> Page[Event]:
        path = "/rest/admin/events"
        return self._calls.get(Page[Event], path, kind=kind, subject=subject, cursor=cursor, limit=limit)

    def checks(self) -> list[Check]:
        return self._calls.get(list[Check], "/rest/admin/checks")

    def reports(self, *, everything: bool = False, cursor: str = "", limit: int = 50) -> Page[Report]:
        """What people reported and nobody has decided, or all of it."""
        path = "/rest/admin/reports"
        return self._calls.get(Page[Report], path, all=everything or None, cursor=cursor, limit=limit)

    def dismiss(self, report_id: str, answer: str = "") -> Report:
        """Leave what was reported where it is; who made the report is told."""
        return self._calls.post(Report, f"/rest/admin/reports/{part(report_id)}/dismiss", {"answer": answer})

    def takedowns(self, *, cursor: str = "", limit: int = 50) -> Page[Notebook]:
        return self._calls.get(Page[Notebook], "/rest/admin/takedowns", cursor=cursor, limit=limit)

    def dataset_takedowns(self, *, cursor: str = "", limit: int = 50) -> Page[Dataset]:
        return self._calls.get(Page[Dataset], "/rest/admin/takedowns/datasets", cursor=cursor, limit=limit)

    def take_dataset_down(self, dataset_id: str, reason: str) -> Dataset:
        """Let only its team read a public dataset."""
        return self._calls.post(Dataset, f"/rest/admin/datasets/{part(dataset_id)}/takedown", {"reason": reason})

    def restore_dataset(self, dataset_id: str) -> Dataset:
        """Put it back."""
        return self._calls.post(Dataset, f"/rest/admin/datasets/{part(dataset_id)}/restore")

    def take_down(self, notebook_id: str, reason: str) -> Notebook:
        """Let only its team read a public notebook."""
        return self._calls.post(Notebook, f"/rest/admin/notebooks/{part(notebook_id)}/takedown", {"reason": reason})

    def restore(self, notebook_id: str) -> Notebook:
        """Put it back."""
        return self._calls.post(Notebook, f"/rest/admin/notebooks/{part(notebook_id)}/restore")
