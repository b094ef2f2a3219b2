"""Every code that a request can be answered by, with what it means and what to do. docs/errors.md says
the same in the same words; the status and the title are those of web/problems.py."""

from messenger import errors, wording
from web import problems
from web.contract.limits import LIMITS
from web.contract.refusal import Refusal


def _framework(status: int, meaning: str, advice: str) -> Refusal:
    name, _, detail = problems.FRAMEWORK[status]
    return Refusal(name, None, meaning, advice, detail)


_BAD_REQUESTS = (
    Refusal(
        "bad-request",
        errors.BadRequest,
        "a request that breaks a rule without a code of its own; none does today",
        "read `detail`",
        "the request breaks a rule",
    ),
    Refusal(
        "malformed-json",
        errors.BadRequest,
        "the body is not JSON, or is cut short",
        "send one JSON object",
        "the body is not JSON: Input data was truncated",
    ),
    Refusal(
        "not-utf8",
        errors.BadRequest,
        "the body is not UTF-8",
        "encode it as UTF-8",
        "the body is not UTF-8 at its byte 10",
    ),
    Refusal(
        "bad-query",
        errors.BadRequest,
        "a query, or an option of `messenger replay`, has a value that is not allowed",
        "see `detail` for the range",
        "limit is from 1 to 10000",
    ),
    Refusal(
        "bad-cursor",
        errors.BadRequest,
        "`after`, `before`, `Last-Event-ID` or the `--since` of `messenger tail` is no id or moment",
        "use an id that you were given",
        "after: an id is <milliseconds>-<number>, such as 1764000000000-0",
    ),
    Refusal(
        "bad-id",
        errors.BadRequest,
        "the path's message id or partition can't be one",
        "use the `id` of a message",
        "a message's id is such as 1764000000000-0",
    ),
    Refusal(
        "bad-room",
        errors.BadRequest,
        "the room's name is not allowed",
        "letters, digits, `-`, `_`, `.`; `~` before it keeps it off the lists; 64 at most",
        wording.ROOM_FORM,
    ),
    Refusal(
        "bad-key",
        errors.BadRequest,
        "the `Idempotency-Key` is not allowed",
        "1 to 200 visible ASCII characters",
        "an Idempotency-Key is 1 to 200 visible ASCII characters",
    ),
)
_REFUSED = (
    Refusal(
        "not-allowed",
        errors.NotAllowed,
        "the token is absent or wrong, or the operator's is not set",
        "to erase, send the post's `erase_token` or the operator's; else the operator's",
        "this takes the operator's token, which MESSENGER_ADMIN_TOKEN sets",
    ),
    Refusal(
        "cross-origin",
        errors.CrossOrigin,
        "a browser sent this from another site's page",
        "post from the messenger's own page, or from a program",
        "a request from another site (cross-site) is not taken",
    ),
    _framework(404, "there is nothing at this path", "see the routes in the README"),
    Refusal(
        "message-not-found",
        errors.NotFound,
        "no such message lives in this room",
        "nothing: it may never have been",
        "there is no message 1764000000000-0 in the room",
    ),
    Refusal(
        "group-not-found",
        errors.NotFound,
        "there is no such consumer group",
        "take one that is there: `messenger groups`",
        "there is no such consumer group",
    ),
    Refusal(
        "letter-not-found",
        errors.NotFound,
        "the group has no such dead letter (any more)",
        "see `messenger dead list`: it may have expired",
        "the group has no such dead letter (any more): it was handed out again, was dropped, or its "
        "time is over",
    ),
    _framework(405, "the path does not take the method", "use one that `Allow` names"),
    Refusal(
        "request-timeout",
        errors.TooSlow,
        "the head or the body was not finished in time; the connection is closed",
        "send it again, faster",
        "the body was not finished within 10 s",
    ),
    Refusal(
        "entry-gone",
        errors.Gone,
        "the dead letter's entry is no more in the log",
        "nothing: it can't be handed out again",
        "it can't be handed out again: its entry is no more in the log",
    ),
    Refusal(
        "message-expired",
        errors.Gone,
        "the message's time is over",
        "nothing: it is gone",
        "the time of the message 1764000000000-0 is over",
    ),
    Refusal(
        "message-erased",
        errors.Gone,
        "the message was erased before its time",
        "nothing: it is gone",
        "the message 1764000000000-0 is gone",
    ),
    Refusal(
        "message-trimmed",
        errors.Gone,
        "the message was cut before its time, for the store was full",
        "nothing: it is gone",
        "the message 1764000000000-0 was cut early, for the store was full",
    ),
    _framework(417, "`Expect` asks for something else than `100-continue`", "leave it out"),
    Refusal(
        "too-large",
        errors.TooLarge,
        "the body is over 32 KiB",
        "send less",
        "the body has 40000 bytes; 32768 are allowed",
        {"limit": 32_768, "got": 40_000},
    ),
    Refusal(
        "unsupported-media-type",
        errors.BadMedia,
        "the body is of another type, charset or encoding",
        "send what `Accept-Post` names, in UTF-8",
        "the body must be application/json, in UTF-8",
        {"wanted": "application/json"},
    ),
)
_BAD_FIELDS = (
    Refusal(
        "invalid-field",
        errors.BadField,
        "a member is missing, unknown or of the wrong type",
        "see `detail` for its name",
        "Object missing required field `text`",
    ),
    Refusal(
        "empty-message",
        errors.BadField,
        "nothing in the text can be seen",
        "write something",
        "the text has nothing that can be seen",
    ),
    Refusal(
        "too-long",
        errors.BadField,
        "the text or the author is too long",
        "keep to `limit`",
        "the text has 2001 characters; 2000 are allowed",
        {"limit": 2_000, "got": 2_001},
    ),
    Refusal(
        "forbidden-character",
        errors.BadField,
        "the text or the author holds a character that is not allowed",
        "take out `character` at `index`",
        "the text may not hold U+202E, as at its character 4",
        {"character": "U+202E", "index": 4},
    ),
    Refusal(
        "invalid-ttl",
        errors.BadField,
        "the life is not between a second and the window",
        "keep to `lowest` and `highest`",
        "ttl is from 1000 (1s) to 900000 milliseconds (15m), or a duration such as 30s",
        {"lowest": 1_000, "highest": 900_000},
    ),
    Refusal(
        "key-reused",
        errors.BadField,
        "the `Idempotency-Key` was used in this room for another message",
        "use a new key for a new message",
        "this Idempotency-Key was used for another message",
    ),
)
_LATER = (
    Refusal(
        "upgrade-required",
        errors.UpgradeRequired,
        "this path speaks WebSocket alone",
        "connect by WebSocket (version 13, HTTP/1.1), through a proxy that passes `Upgrade` on",
        "this path speaks WebSocket alone, version 13, over HTTP/1.1",
    ),
    Refusal(
        "refused",
        None,
        "the HTTP server refused it for a reason without a code of its own",
        "read `title`",
        "the request was refused",
    ),
    Refusal(
        "store-unavailable",
        errors.StoreUnavailable,
        "the store does not answer, or refuses writes for now",
        "send it again after `Retry-After`, with the same key",
        "the store does not answer",
    ),
    Refusal(
        "unconfirmed",
        errors.Unconfirmed,
        "too few of the store's replicas say that they have it; it may be stored all the same",
        "send it again after `Retry-After`, with the same key: it is there once",
        "the store does not say that 1 replica has it; it may be stored all the same",
    ),
    Refusal(
        "repartitioning",
        errors.Repartitioning,
        "the store gets more partitions just now; nothing was done",
        "send it again after `Retry-After`, with the same key",
        "the store gets more partitions just now; try again in a moment",
    ),
    Refusal(
        "stopping",
        errors.Stopping,
        "this process is about to end",
        "connect again after `Retry-After`",
        "this process is stopping; connect again in a moment",
    ),
    Refusal(
        "supervisor-silent",
        errors.SupervisorSilent,
        "the supervisor of several web workers does not say what the others count",
        "ask again after `Retry-After`; look whether it stands still",
        "the supervisor of the web workers does not say what the others count",
    ),
    Refusal(
        "malformed-request",
        None,
        "the bytes are no HTTP/1.1 request, or a line of its head is over 8 KiB, or all of it over "
        "64 KiB; the connection is closed",
        "send a sound request",
        problems.UNREAD[3],
    ),
    Refusal(
        "internal",
        None,
        "a mistake of ours; the log has its traceback",
        "report it",
        problems.CRASH[3],
    ),
)

CODES = {each.name: each for each in (*_BAD_REQUESTS, *_REFUSED, *_BAD_FIELDS, *LIMITS, *_LATER)}
# What any request may meet, whatever it asks for.
ANYWHERE = ("malformed-request", "request-timeout", "expectation-failed", "internal")
# What no route answers by: what is told of a path or a method that is nobody's, or before a request is
# read, and the general ones.
UNMATCHED = ("bad-request", "not-found", "method-not-allowed", "overloaded", "refused")
