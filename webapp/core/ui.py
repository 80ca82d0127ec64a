"""Gives every template the parts (`ui`) and the chart builders (`charts`) without an import.

A block rendered alone by jinja2-fragments never runs the imports at the top of its template,
so the macros are a global of the environment instead.
"""

from flask import Flask
from werkzeug.local import LocalProxy

from webapp.core import charts, clock


def init_ui(app: Flask) -> None:
    """Register the `ui` and `charts` globals; call once, after the template folder is set."""
    env = app.jinja_env
    # Looked up when used: the macros need globals and filters that are registered later.
    env.globals["ui"] = LocalProxy(lambda: env.get_template("shared/ui.html").module)
    env.globals["charts"] = charts
    env.globals["clock_now"] = clock.now
