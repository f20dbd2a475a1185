"""What the server gives, under the names of its OpenAPI document without `Shape`. Sizes bytes, times UTC, money micros.

A test compares every class with the document, so a field that changes there fails here.
"""

from studium.client.shapes.base import Failure, Page
from studium.client.shapes.community import (
    Bookmark,
    Comment,
    Marked,
    Notification,
    OwnPage,
    Person,
    Report,
    Tally,
)
from studium.client.shapes.datasets import (
    ChangedFile,
    Dataset,
    DatasetDifference,
    DatasetFile,
    DatasetPerson,
    DatasetProfile,
    DatasetVersion,
    MissingChunks,
    PackKept,
    Upload,
)
from studium.client.shapes.environments import Build, BuildDetail, Environment, Package
from studium.client.shapes.events import Event
from studium.client.shapes.git import Git, GitWork
from studium.client.shapes.inputs import Input, VersionInput
from studium.client.shapes.machines import Check, Device, Machine, MachineType, QueueEntry, Waited
from studium.client.shapes.notebooks import Notebook, Opened, Origin
from studium.client.shapes.people import Invitation, LoginLink, Me, Member, Project, Team, TeamDetail, Token, User
from studium.client.shapes.plans import Allowance, Assigned, Plan, PlanSets, Usage, UsageLine
from studium.client.shapes.providers import Provider, ProviderEntry, ProviderListing, ProviderStep, ProviderTest
from studium.client.shapes.runs import (
    AcceleratorUse,
    CellError,
    Estimate,
    LogHit,
    LogHits,
    LogPart,
    Progress,
    Run,
    Use,
    UseLine,
    UseOverTime,
)
from studium.client.shapes.schedules import Delivery, Schedule, Turn, Webhook
from studium.client.shapes.search import Hit, Part, Place, UsedTag
from studium.client.shapes.secrets import Secret
from studium.client.shapes.sharing import Collaborator, ShareLink, Shares
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
    "Bookmark",
    "Build",
    "BuildDetail",
    "CellError",
    "ChangedFile",
    "Check",
    "Collaborator",
    "Comment",
    "ComparedCell",
    "Comparison",
    "ComparisonCounts",
    "Dataset",
    "DatasetDifference",
    "DatasetFile",
    "DatasetPerson",
    "DatasetProfile",
    "DatasetVersion",
    "Delivery",
    "Device",
    "Environment",
    "Estimate",
    "Event",
    "Failure",
    "Git",
    "GitWork",
    "Hit",
    "Input",
    "Invitation",
    "LogHit",
    "LogHits",
    "LogPart",
    "LoginLink",
    "Machine",
    "MachineType",
    "Marked",
    "Me",
    "Member",
    "MissingChunks",
    "Notebook",
    "Notification",
    "Opened",
    "Origin",
    "OwnPage",
    "PackKept",
    "Package",
    "Page",
    "Part",
    "Person",
    "Place",
    "Plan",
    "PlanSets",
    "Progress",
    "Project",
    "Provider",
    "ProviderEntry",
    "ProviderListing",
    "ProviderStep",
    "ProviderTest",
    "QueueEntry",
    "Report",
    "Run",
    "Schedule",
    "Secret",
    "ShareLink",
    "Shares",
    "Tally",
    "Team",
    "TeamDetail",
    "Token",
    "Turn",
    "Upload",
    "Usage",
    "UsageLine",
    "Use",
    "UseLine",
    "UseOverTime",
    "UsedTag",
    "User",
    "Version",
    "VersionFile",
    "VersionFiles",
    "VersionInput",
    "Waited",
    "Webhook",
]
