"""States are data. A Machine feeds the column default, the CHECK constraint, labels, colours, filter
choices and the allowed moves; `advance` and `advance_many` are the only writers of a status column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.selectable import CTE

from webapp.core.audit import StatusChange
from webapp.core.clock import db_now
from webapp.core.db import LostRace as LostRace
from webapp.core.db import db

TONES = ("ok", "warn", "bad", "info", "neutral")


class MoveRefused(Exception):
    """A move the machine does not allow; `allowed` names the ones it does."""

    def __init__(self, machine: str, old: str | None, new: str, allowed: tuple[str, ...]):
        self.machine, self.old, self.new, self.allowed = machine, old, new, allowed
        choices = ", ".join(allowed) or "none"
        super().__init__(f"{machine} cannot go from {old or '(none)'} to {new}; allowed: {choices}")


@dataclass(frozen=True, slots=True)
class State:
    name: str
    label: str
    tone: str = "neutral"
    to: tuple[str, ...] = ()
    icon: str = "circle"
    flags: frozenset[str] = field(default_factory=frozenset)

    def has(self, flag: str) -> bool:
        return flag in self.flags


MISSING = State("", "(none)", "bad", icon="circle-help")
MACHINES: list[Machine] = []


class Machine:
    def __init__(self, name: str, *states: State, column: str = "status"):
        self.name, self.column = name, column
        self.states: dict[str, State] = {state.name: state for state in states}
        self.initial = states[0].name
        for state in states:
            unknown = [to for to in state.to if to not in self.states]
            if unknown or state.tone not in TONES:
                raise ValueError(f"{name}.{state.name}: {unknown or state.tone}")
        MACHINES.append(self)

    def __iter__(self) -> Iterator[State]:
        return iter(self.states.values())

    def __getitem__(self, name: str | None) -> State:
        return self.states.get(name or "", MISSING)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.states)

    def with_flag(self, flag: str) -> tuple[str, ...]:
        return tuple(state.name for state in self if state.has(flag))

    def can(self, old: str | None, new: str) -> bool:
        if old is None or old not in self.states:
            return new in self.states
        return new in self.states[old].to

    def check_move(self, old: str | None, new: str) -> None:
        if not self.can(old, new):
            allowed = self.states[old].to if old in self.states else self.names
            raise MoveRefused(self.name, old, new, allowed)

    def constraint(self, *, nullable: bool = False) -> sa.CheckConstraint:
        values = ", ".join(f"'{name}'" for name in self.names)
        test = f"{self.column} IN ({values})"
        return sa.CheckConstraint(f"{self.column} IS NULL OR {test}" if nullable else test, name=self.column)

    def diagram(self) -> str:
        """Mermaid source for docs/states.md."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.initial}"]
        everyone = set(self.states)
        for state in self:
            free = set(state.to) == everyone - {state.name}
            lines += [
                f"    {state.name} --> any" if free else f"    {state.name} --> {to}"
                for to in (state.to[:1] if free else state.to)
            ]
        return "\n".join(lines)


def describe_machines() -> str:
    """docs/states.md: every machine's states, flags and moves, as the code declares them."""
    parts = ["# States\n\nWritten by `flask states`; a test keeps it true."]
    for machine in sorted(MACHINES, key=lambda m: m.name):
        rows = [f"| `{s.name}` | {s.label} | {s.tone} | {', '.join(sorted(s.flags)) or '–'} |" for s in machine]
        parts.append(f"## {machine.name}\n\n| state | label | tone | flags |\n|---|---|---|---|\n" + "\n".join(rows))
        parts.append(f"```mermaid\n{machine.diagram()}\n```")
    return "\n\n".join(parts) + "\n"


def advance(
    row: Any,
    to: str,
    *,
    machine: Machine,
    by: int | None,
    cause: str,
    reason: str | None = None,
    evidence_id: int | None = None,
    batch_id: UUID | None = None,
    ledger: bool = True,
    values: Mapping[str, Any] | None = None,
    notes: str | None = None,
) -> bool:
    """Move one row from the status it was seen in; False when it is there already.

    Raises MoveRefused, or LostRace when the row no longer has the status that was seen.
    """
    seen = getattr(row, machine.column)
    if seen == to and not values:
        return False
    if seen != to:
        machine.check_move(seen, to)
    table = row.__table__
    changed = db.session.execute(
        sa.update(table)
        .where(table.c.id == row.id, table.c[machine.column].is_not_distinct_from(seen))
        .values({machine.column: to, **(values or {})})
        .returning(table.c.id)
    ).first()
    if changed is None:
        raise LostRace(f"{machine.name} {row.id} is no longer {seen or '(none)'}")
    if ledger and seen != to:
        db.session.add(
            StatusChange(
                company_id=row.company_id, machine=machine.name, subject_id=row.id, old_status=seen,
                new_status=to, cause=cause, reason=reason, evidence_id=evidence_id, batch_id=batch_id, user_id=by,
                notes=notes,
            )
        )  # fmt: skip
        db.session.flush()
    db.session.refresh(row)
    return True


def advance_many(
    picks: sa.Select[*tuple[Any, ...]] | sa.TextualSelect,
    *,
    machine: Machine,
    table: sa.Table,
    by: int | None,
    cause: str,
    batch_id: UUID | None,
    reason: str | None = None,
    values: Mapping[str, Any] | None = None,
    before: tuple[str, ...] = (),
    same_status: bool = False,
) -> sa.Select[Any]:
    """The set-based twin of `advance`: one statement, ledger rows included.

    `picks` selects, locked by itself (`with_for_update`), the columns `id`, `company_id`, `seen`,
    `to_status`, and whatever `values` names; optional `evidence_id` and `cause`. Moves have been decided by the
    caller's query, and the database's CHECK stands behind. `values` maps a column to an expression
    or to the name of a pick. Columns in `before` are kept in the ledger row's `before` for undo.
    With `same_status`, rows whose status stays get a ledger row too.

    Returns a Select over the written ledger rows (`subject_id`, `old_status`, `new_status`): execute it.
    """
    p: CTE = picks.cte("picks")
    sets: dict[str, Any] = {machine.column: p.c.to_status}
    for column, value in (values or {}).items():
        sets[column] = p.c[value] if isinstance(value, str) else value
    olds = [p.c[f"old_{column}"] for column in before]
    updated = (
        sa.update(table)
        .where(table.c.id == p.c.id, table.c[machine.column].is_not_distinct_from(p.c.seen))
        .values(sets)
        .returning(
            p.c.id,
            p.c.company_id,
            p.c.seen,
            table.c[machine.column].label("now_status"),
            (p.c.evidence_id if "evidence_id" in p.c else sa.null().cast(sa.BigInteger)).label("evidence_id"),
            (p.c.cause if "cause" in p.c else sa.literal(cause)).label("cause"),
            *olds,
        )
        .cte("updated")
    )
    ledger = StatusChange.__table__
    pairs = [part for column in before for part in (sa.literal(column), updated.c[f"old_{column}"])]
    kept = sa.func.jsonb_build_object(*pairs) if pairs else sa.cast(sa.null(), JSONB)
    source = sa.select(
        updated.c.company_id, sa.literal(machine.name), updated.c.id, updated.c.seen, updated.c.now_status,
        updated.c.cause, sa.literal(reason, sa.Text), updated.c.evidence_id,
        sa.literal(batch_id, sa.UUID(as_uuid=True)), sa.literal(by, sa.BigInteger), db_now(), kept,
    )  # fmt: skip
    if not same_status:
        source = source.where(updated.c.seen.is_distinct_from(updated.c.now_status))
    written = (
        sa.insert(ledger)
        .from_select(
            [
                "company_id",
                "machine",
                "subject_id",
                "old_status",
                "new_status",
                "cause",
                "reason",
                "evidence_id",
                "batch_id",
                "user_id",
                "created_at",
                "before",
            ],
            source,
        )
        .returning(ledger.c.subject_id, ledger.c.old_status, ledger.c.new_status)
        .cte("written")
    )
    return sa.select(written.c.subject_id, written.c.old_status, written.c.new_status)
