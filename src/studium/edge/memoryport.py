"""`MemoryPort`: the port kept in memory, for tests and benches. Its tables are public, to be changed at will."""

from studium.edge.port import Grant, PortDown, Target


class MemoryPort:
    def __init__(self) -> None:
        self.targets: dict[str, Target] = {}
        self.tickets: dict[str, Grant] = {}
        self.refused: set[tuple[str, str]] = set()  # (label, user) pairs that may not enter
        self.topics_of: dict[str, list[str]] = {}  # by the whole cookie header
        self.activity: list[str] = []
        self.asked: list[str] = []  # the questions, in order
        self.down = False

    async def resolve(self, label: str) -> Target | None:
        self._note("resolve")
        return self.targets.get(label)

    async def redeem(self, ticket: str, label: str) -> Grant | None:
        self._note("redeem")
        grant = self.tickets.get(ticket)
        if grant is None or grant.label != label:
            return None
        del self.tickets[ticket]
        return grant

    async def allowed(self, label: str, user: str) -> bool:
        self._note("allowed")
        return (label, user) not in self.refused

    async def note_activity(self, label: str) -> None:
        self._note("activity")
        self.activity.append(label)

    async def topics(self, cookie: str, query: str) -> list[str] | None:
        self._note("topics")
        return self.topics_of.get(cookie)

    def _note(self, question: str) -> None:
        self.asked.append(question)
        if self.down:
            raise PortDown("switched off")
