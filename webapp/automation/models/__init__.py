from webapp.automation.models.projects import (
    AutomationSettings,
    ContactRequest,
    Dealership,
    Project,
    ProjectDealership,
)
from webapp.automation.models.runs import (
    AutomationAttempt,
    FormMapping,
    HostPace,
    Run,
    RunEvent,
    RunLane,
    RunLog,
)

__all__ = [
    "AutomationAttempt", "AutomationSettings", "ContactRequest", "Dealership", "FormMapping", "HostPace", "Project",
    "ProjectDealership", "Run", "RunEvent", "RunLane", "RunLog",
]  # fmt: skip
