"""The routes of rooms and their messages."""

from messenger.fields import EXAMPLE_ID
from messenger.messages import Message
from web.body import PostBody
from web.contract import parts
from web.contract.description import Answer, Group, Header, Route
from web.posting import Posted
from web.rooms import RoomList
from web.shapes import MessagePage, Polled

GROUP = Group(
    "Messages",
    "A message is posted to a room, is the same for everyone in it, and is gone at its `expires_at`: "
    "from then on no answer has it any more.",
)

_HOST = "http://127.0.0.1:8000"
_ONE = f"{_HOST}/api/rooms/lobby/messages/{EXAMPLE_ID}"

POST = Route(
    method="POST",
    path="/api/rooms/{room}/messages",
    id="postMessage",
    group=GROUP.name,
    summary="Post a message",
    description="Appends a message to the room's log. It is answered when this process's own feed has "
    "it, so whoever posts and reads sees it.\n\n"
    "With an `Idempotency-Key` a post is safe to send again, for as long as its message lives. The "
    "answer's `erase_token` lets its author erase it; it is shown only here.",
    parameters=(parts.ROOM, parts.KEY),
    body=PostBody,
    body_example={"text": "hello", "author": "Ann", "ttl": "30s"},
    answers=(
        Answer(
            201,
            "The message, as it was taken now or at the first try with this key.",
            {parts.JSON: Posted},
            (parts.LOCATION, parts.RATE_POLICY, parts.RATE),
            parts.A_MESSAGE
            | {"expires_in": 30_000, "erase_token": "9b74c9897bac770ffc029102a200c5de"},
        ),
    ),
    refusals=(
        *parts.IN_ROOM,
        *parts.BODY,
        "bad-key",
        "empty-message",
        "too-long",
        "forbidden-character",
        "invalid-ttl",
        "key-reused",
        "too-fast",
        "room-too-fast",
        "too-many-rooms",
        "store-unavailable",
        "repartitioning",
        "store-full",
        "unconfirmed",
    ),
    curl=f"""curl -i {_HOST}/api/rooms/lobby/messages \\
  -H 'Content-Type: application/json' \\
  -H 'Idempotency-Key: 4711' \\
  -d '{{"text": "hello", "author": "Ann", "ttl": "30s"}}'""",
)
LIST = Route(
    method="GET",
    path="/api/rooms/{room}/messages",
    id="listMessages",
    group=GROUP.name,
    summary="Read a page of messages, or wait for the next",
    description="The newest page, or the one `before` or `after` an id, but not both; the oldest "
    "message stands first. A stream that begins after `cursor` goes on exactly where the newest page "
    "ends.\n\nOf more than 100 messages an answer has those that are at hand, at least 100 where so "
    "many live, and no more than 4 MiB: `Link` names the page that goes on.\n\nWith `after` and `wait` "
    "it is a long poll, for clients that have neither streams nor sockets: what came after that id, as "
    "soon as there is something, or nothing when the time is over. Ask again with `after` = `cursor`, "
    "and nothing is missed or doubled. Then `limit` is 100 if there is none, an answer has no more, and "
    "there is no `ETag`.",
    parameters=(
        parts.ROOM,
        parts.limit("How many at most; 50 if there is none."),
        parts.cursor("before", "The page that ends before this id."),
        parts.cursor("after", "The page that begins after this id."),
        parts.WAIT,
        parts.IF_NONE_MATCH,
    ),
    answers=(
        Answer(
            200,
            "A page; with `wait` what a stream that resumes after that id would be told.",
            {parts.JSON: (MessagePage, Polled)},
            (
                Header(parts.ETAG.name, parts.ETAG.description, 'W/"1.2"', is_always=False),
                parts.LINK,
            ),
            {"now": parts.NOW, "cursor": EXAMPLE_ID, "messages": [parts.A_MESSAGE]},
        ),
        Answer(
            304, "The same messages live as at the answer with that `ETag`.", headers=(parts.ETAG,)
        ),
    ),
    refusals=(
        *parts.IN_ROOM,
        "bad-query",
        "bad-cursor",
        "too-many-connections",
        "store-unavailable",
        "repartitioning",
        "stopping",
    ),
    curl=f"curl '{_HOST}/api/rooms/lobby/messages?limit=10'",
)
READ = Route(
    method="GET",
    path="/api/rooms/{room}/messages/{message}",
    id="getMessage",
    group=GROUP.name,
    summary="Read one message",
    description="410 says that there was such a message: its time is over, or it was erased. 404 says "
    "that there never was one in this room, as far as can be known.",
    parameters=(parts.ROOM, parts.MESSAGE),
    answers=(Answer(200, "The message.", {parts.JSON: Message}, example=parts.A_MESSAGE),),
    refusals=(
        *parts.IN_ROOM,
        "bad-id",
        "message-not-found",
        "message-expired",
        "message-erased",
        "message-trimmed",
        "store-unavailable",
        "repartitioning",
    ),
    curl=f"curl {_ONE}",
)
ERASE = Route(
    method="DELETE",
    path="/api/rooms/{room}/messages/{message}",
    id="eraseMessage",
    group=GROUP.name,
    summary="Erase a message",
    description="For its author, by the token that came with the post, or for the operator. Its text is "
    "gone from the log, the view, the feeds and open pages when this is answered. Erasing it again is "
    "204 too.\n\nWithout a token, or with a wrong one, the answer is 401, the same for both.",
    parameters=(parts.ROOM, parts.MESSAGE),
    answers=(Answer(204, "It is erased."),),
    refusals=(
        *parts.IN_ROOM,
        "cross-origin",
        "bad-id",
        "not-allowed",
        "message-not-found",
        "message-expired",
        "message-erased",
        "message-trimmed",
        "store-unavailable",
        "repartitioning",
        "store-full",
        "unconfirmed",
    ),
    tokens=("eraseToken", "operatorToken"),
    curl=f'curl -i -X DELETE {_ONE} \\\n  -H "Authorization: Bearer $ERASE_TOKEN"',
)
ROOMS = Route(
    method="GET",
    path="/api/rooms",
    id="listRooms",
    group=GROUP.name,
    summary="List the rooms that live",
    description="The rooms with living messages, the last spoken in first; at most 1,000. A room that "
    "people are in and nothing is said in is not listed. Where there are thousands of rooms the list "
    "may be up to a second old; `now` never is.",
    answers=(
        Answer(
            200,
            "The rooms.",
            {parts.JSON: RoomList},
            example={
                "now": parts.NOW,
                "rooms": [
                    {
                        "room": "lobby",
                        "last_posted_at": 1_764_000_000_000,
                        "expires_at": 1_764_000_030_000,
                        "here": 3,
                        "last_id": EXAMPLE_ID,
                        "messages": 1,
                    }
                ],
            },
        ),
    ),
    refusals=("store-unavailable",),
    curl=f"curl {_HOST}/api/rooms",
)

ROUTES = (ROOMS, POST, LIST, READ, ERASE)
