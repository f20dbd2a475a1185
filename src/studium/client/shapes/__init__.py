"""What the server gives, under the names of its OpenAPI document without `Shape`. Sizes bytes, times UTC, money micros.

A test compares every class with the document, so a field that changes there fails here.
"""

from studium.client.shapes.base import Failure, Page
from studium.client.shapes.events import Event
from studium.client.shapes.git import Git, GitWork
from studium.client.shapes.machines import Check, Device, Machine, MachineType, QueueEntry, Waited
from studium.client.shapes.notebooks import Notebook, Opened, Origin
from studium.client.shapes.people import Invitation, LoginLink, Me, Member, Project, Team, TeamDetail, Token, User
from studium.client.shapes.plans import Allowance, Assigned, Plan, PlanSets, Usage, UsageLine
from studium.client.shapes.runs import AcceleratorUse, CellError, Estimate, LogPart, Progress, Run, Use
from studium.client.shapes.schedules import Delivery, Schedule, Turn, Webhook
from studium.client.shapes.secrets import Secret
from studium.client.shapes.versions import (
    ComparedCell,
    Comparison,
    ComparisonCounts,
    Version,
    VersionFile,
    VersionFiles,
)

__all__ = [
    "AcceleratorUse",
    "Allowance",
    "Assigned",
    "CellError",
    "Check",
    "ComparedCell",
    "Comparison",
    "ComparisonCounts",
    "Delivery",
    "Device",
    "Estimate",
    "Event",
    "Failure",
    "Git",
    "GitWork",
    "Invitation",
    "LogPart",
    "LoginLink",
    "Machine",
    "MachineType",
    "Me",
    "Member",
    "Notebook",
    "Opened",
    "Origin",
    "Page",
    "Plan",
    "PlanSets",
    "Progress",
    "Project",
    "QueueEntry",
    "Run",
    "Schedule",
    "Secret",
    "Team",
    "TeamDetail",
    "Token",
    "Turn",
    "Usage",
    "UsageLine",
    "Use",
    "User",
    "Version",
    "VersionFile",
    "VersionFiles",
    "Waited",
    "Webhook",
]
