"""`messenger post`."""

import sys

import click

from messenger import durations, messages, wording
from messenger.cli.beside import opened, run
from messenger.cli.options import STORE, json_option, load_settings, settings_options
from messenger.cli.output import print_json
from messenger.errors import BadField, BadRequest
from messenger.events import MessagePosted
from messenger.log import Post
from messenger.settings import Settings


@click.command("post")
@click.argument("room")
@click.argument("text", required=False)
@click.option("--author", default="", help="Who says it.")
@click.option("--ttl", help="Its life, such as 30s; the window without it.")
@click.option("--key", help="The same key posts once: safe to run again.")
@json_option
@settings_options(*STORE)
def command(
    room: str,
    text: str | None,
    author: str,
    ttl: str | None,
    key: str | None,
    as_json: bool,
    **given: str | None,
) -> None:
    """Post TEXT, or standard input, to ROOM; prints the message's id."""
    if text is None or text == "-":
        text = _read_input()
    asked = Post(
        room=wording.check_room(room),
        author=wording.check_author(author),
        text=wording.check_text(text),
        ttl=_ttl(ttl),
        key=None if key is None else wording.check_key(key),
    )
    run(_post(load_settings(given), asked, as_json=as_json))


async def _post(settings: Settings, asked: Post, *, as_json: bool) -> None:
    async with opened(settings) as logs:
        appended = await logs.of(asked.room).append(asked)
    if not as_json:
        print(appended.id)
        return
    posted = MessagePosted(asked.room, asked.author, asked.text, appended.ttl)
    print_json(messages.of(appended.id, posted))


def _read_input() -> str:
    try:
        return sys.stdin.buffer.read().decode().rstrip("\n")
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"standard input is not UTF-8 at its byte {error.start}", code="not-utf8"
        ) from None


def _ttl(text: str | None) -> int | None:
    try:
        return None if text is None else durations.parse(text)
    except ValueError as error:
        raise BadField(f"--ttl: {error}", code="invalid-ttl") from None
