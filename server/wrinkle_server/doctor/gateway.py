"""The gateway's parts: Envoy, certificate, tokens. Looked at when the settings ask for a gateway."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from wrinkle_core.errors import WrinkleError
from wrinkle_server.doctor.finding import Finding, judge
from wrinkle_server.gateway.envoy_binary import find_envoy
from wrinkle_server.gateway.tokens import TokenFile
from wrinkle_server.settings.resolve import front_door, http_is_guarded
from wrinkle_server.settings.serve_settings import ServeSettings

__all__ = ["findings"]

_WARN_BEFORE: Final = timedelta(days=30)


def findings(settings: ServeSettings) -> Iterator[Finding]:
    """Yield one finding per part; one that says so when there is no gateway."""
    gateway = settings.gateway
    if gateway.enabled or http_is_guarded(settings):
        yield _envoy()
    if not gateway.enabled:
        yield Finding("gateway", "ok", "not asked for")
        return
    try:
        front_door(settings, None)
        yield Finding("gateway", "ok", f"{gateway.host}:{gateway.port}")
    except WrinkleError as error:
        yield Finding("gateway", "failure", "its settings contradict each other", str(error))
    for subject, file in (("certificate", gateway.certificate), ("client CA", gateway.client_ca)):
        if file is not None:
            yield _certificate(subject, file)
    if gateway.private_key is not None:
        yield _private_key(gateway.private_key)
    if gateway.token_file is not None:
        yield _tokens(gateway.token_file)


def _envoy() -> Finding:
    try:
        return Finding("Envoy", "ok", str(find_envoy()))
    except WrinkleError as error:
        return Finding("Envoy", "failure", "not found", str(error))


def _certificate(subject: str, file: Path) -> Finding:
    try:
        from cryptography import x509
    except ModuleNotFoundError:
        return Finding(subject, "failure", "cannot be read here", "Install it: pip install 'wrinkle-serving[gateway]'.")
    try:
        certificates = x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no PEM certificate"
        return Finding(subject, "failure", f"{file}: {reason}", "Give the gateway a certificate chain in PEM form.")
    now = datetime.now(timezone.utc)
    begins = max(one.not_valid_before_utc for one in certificates)
    ends = min(one.not_valid_after_utc for one in certificates)
    found = f"valid until {ends:%Y-%m-%d}"
    if not begins <= now < ends:
        return Finding(subject, "failure", f"valid from {begins:%Y-%m-%d} until {ends:%Y-%m-%d}", "Get a new one.")
    return judge(subject, ends - now > _WARN_BEFORE, found, "It ends within 30 days: get a new one.", "warning")


def _private_key(file: Path) -> Finding:
    try:
        mode = file.stat().st_mode & 0o777
    except OSError as error:
        return Finding("private key", "failure", f"{file}: {error.strerror}", "Give the gateway the certificate's key.")
    remedy = f"Others can read it: `chmod 600 {file}`."
    return judge("private key", not mode & 0o077, f"mode {mode:04o}", remedy, "warning")


def _tokens(file: Path) -> Finding:
    try:
        TokenFile(file).refresh()
    except WrinkleError as error:
        return Finding("token file", "failure", "cannot be used", str(error))
    return Finding("token file", "ok", "read")
