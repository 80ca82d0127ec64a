"""Plain text mail through the server of SMTP_URL: smtp://[user:password@]host[:port], or smtps:// ."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from webapp.config import Settings

SECONDS = 10


class MailFailed(Exception):
    """The server could not be reached, or refused."""


def send_mail(settings: Settings, to: str, subject: str, text: str) -> None:
    """Takes up to ten seconds; never call it inside a transaction. Raises MailFailed."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.mail_from, to, subject
    message.set_content(text)
    server = urlsplit(settings.smtp_url)
    host, secure, context = server.hostname or "localhost", server.scheme == "smtps", ssl.create_default_context()
    try:
        with (
            smtplib.SMTP_SSL(host, server.port or 465, timeout=SECONDS, context=context)
            if secure
            else smtplib.SMTP(host, server.port or 25, timeout=SECONDS)
        ) as smtp:
            smtp.ehlo()
            if not secure and smtp.has_extn("starttls"):
                smtp.starttls(context=context)
            if server.username:
                smtp.login(unquote(server.username), unquote(server.password or ""))
            smtp.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise MailFailed(f"{host}: {type(error).__name__}: {error}") from error
