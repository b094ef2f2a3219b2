"""What a browser may do with what we answer. Every answer says that it is no document to be run or
framed (web/answers.py); a document says what it may load, which is only what is our own."""

from collections.abc import Mapping

# A page that opened ours holds no handle of its window, and a device's senses are not asked for. There
# is no X-Frame-Options: it says nothing that frame-ancestors does not.
DOCUMENT: Mapping[str, str] = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), midi=(), payment=(), usb=()"
    ),
}


def document(*allowed: str, form: str = "'self'") -> dict[str, str]:
    """The fields of a document that may use what `allowed` names, and send its forms to `form`."""
    policy = (
        "default-src 'none'",
        *allowed,
        f"form-action {form}",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
    )
    return {"Content-Security-Policy": "; ".join(policy), **DOCUMENT}
