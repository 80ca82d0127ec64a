"""gunicorn's settings, for `make run` and for deploy/rebound-web.service."""

import os
import signal
import tempfile
from typing import Any

from webapp.serve.children import die_with_parent

wsgi_app = "wsgi:app"
bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_PROCESSES", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
preload_app = True
timeout = 60
graceful_timeout = int(os.environ.get("GRACEFUL_TIMEOUT", "25"))
keepalive = 5
backlog = 512
_memory = "/dev/shm"  # noqa: S108 - heartbeats must not wait for a disk
worker_tmp_dir = _memory if os.access(_memory, os.W_OK) else tempfile.gettempdir()
loglevel = "warning"
errorlog = "-"
accesslog = None
control_socket_disable = True
# Who is asking is decided by PROXY_HOPS in the program, not by a header here.
forwarded_allow_ips = ""


def post_fork(server: Any, worker: Any) -> None:
    die_with_parent(signal.SIGKILL, worker.ppid)
    from webapp.core.db import db
    from wsgi import app

    with app.app_context():
        # The application was loaded before the fork: its connections are not ours to use.
        db.engine.dispose(close=False)


def child_exit(server: Any, worker: Any) -> None:
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)
