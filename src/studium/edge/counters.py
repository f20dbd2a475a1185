"""What the edge counts, and its text for Prometheus. Plain integers: the edge is one process with one thread."""

from collections import Counter


class Counters:
    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()  # (platform or content, status class)
        self.refused: Counter[str] = Counter()  # by reason code
        self.sent_bytes = 0
        self.open_exchanges = 0
        self.open_websockets = 0
        self.websocket_messages: Counter[str] = Counter()  # by direction
        self.open_streams = 0
        self.hints = 0
        self.port_failures = 0

    def text(self, connections: int) -> str:
        lines = [f"studium_edge_connections {connections}"]
        lines += [f'studium_edge_requests_total{{of="{o}",status="{s}xx"}} {n}' for (o, s), n in self.requests.items()]
        lines += [f'studium_edge_refused_total{{reason="{reason}"}} {n}' for reason, n in self.refused.items()]
        lines += [
            f'studium_edge_websocket_messages_total{{direction="{way}"}} {n}'
            for way, n in self.websocket_messages.items()
        ]
        lines += [
            f"studium_edge_sent_bytes_total {self.sent_bytes}",
            f"studium_edge_exchanges {self.open_exchanges}",
            f"studium_edge_websockets {self.open_websockets}",
            f"studium_edge_streams {self.open_streams}",
            f"studium_edge_hints_total {self.hints}",
            f"studium_edge_port_failures_total {self.port_failures}",
        ]
        return "\n".join(lines) + "\n"
