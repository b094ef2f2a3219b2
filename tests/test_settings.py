"""Settings: read once, checked, explained in one line, frozen."""

from ipaddress import ip_network
from pathlib import Path

import platformdirs
import pytest

from messenger.errors import BadSettings
from messenger.settings import SETTINGS, Rate, Settings, load

TOKEN = "t0ken-" + "x" * 40
NAMES = [setting.name for setting in SETTINGS]


def refusal(**given: str) -> str:
    """The one line that a bad setting ends the start with."""
    with pytest.raises(BadSettings) as found:
        load(given)
    assert "\n" not in found.value.detail
    return found.value.detail


def test_the_defaults_are_the_promised_ones() -> None:
    """Without any setting the messenger is what its README says."""
    assert load() == Settings(
        host="127.0.0.1",
        port=8000,
        window=900_000,
        store_url=None,
        data_dir=Path(platformdirs.user_state_dir("messenger")),
        durability="everysec",
        partitions=1,
        post_rate=Rate(20, 10_000),
        max_store_mb=None,
        admin_token=None,
        admin_token_file=None,
        trusted_proxies=(),
    )


GOOD = [
    ("host", "0.0.0.0", "0.0.0.0"),
    ("host", "::1", "::1"),
    ("host", "chat.example.org", "chat.example.org"),
    ("port", "0", 0),
    ("port", "65535", 65_535),
    ("window", "1s", 1_000),
    ("window", "365d", 365 * 86_400_000),
    ("window", "1500ms", 1_500),
    ("store_url", "", None),
    ("store_url", "redis://store:6379/1", "redis://store:6379/1"),
    ("store_url", "rediss://user:pw@store", "rediss://user:pw@store"),
    ("store_url", "unix:///run/redis.sock", "unix:///run/redis.sock"),
    ("store_url", "unix://:pw@/run/redis.sock?db=2", "unix://:pw@/run/redis.sock?db=2"),
    ("data_dir", "/var/lib/messenger", Path("/var/lib/messenger")),
    ("data_dir", "~/chat", Path.home() / "chat"),
    ("data_dir", "chat", Path.cwd() / "chat"),
    ("durability", "always", "always"),
    ("partitions", "1", 1),
    ("partitions", "1024", 1_024),
    ("post_rate", "off", None),
    ("post_rate", "1/1s", Rate(1, 1_000)),
    ("post_rate", "1000000/1d", Rate(1_000_000, 86_400_000)),
    ("max_store_mb", "", None),
    ("max_store_mb", "16", 16),
    ("admin_token", "", None),
    ("admin_token", TOKEN, TOKEN),
    ("trusted_proxies", "", ()),
    (
        "trusted_proxies",
        "10.0.0.0/8, 192.0.2.1,2001:db8::/32,",
        (ip_network("10.0.0.0/8"), ip_network("192.0.2.1"), ip_network("2001:db8::/32")),
    ),
]


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_a_good_value_is_taken(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object
) -> None:
    """Each allowed value means the same from the environment and from an option."""
    assert getattr(load({name: text}), name) == value
    monkeypatch.setenv(f"MESSENGER_{name.upper()}", text)
    assert getattr(load(), name) == value


BAD = {
    "host": ["", "a b", "http://x", "x/y", "a\nb", "\udcff"],
    "port": ["", "-1", "65536", "80a", "8 000", "1e3", "٨", "99999999999999999999", "0x50"],
    "window": ["", "999ms", "0s", "366d", "15", "15min", "1.5h", "-1s", "forever"],
    "store_url": [
        "localhost", "localhost:6379", "http://x", "redis://", "unix://relative", "redis:// x",
        "redis+sentinel://a", "REDIS://x", "redis://a b", "unix://", "tcp://x",
    ],
    "data_dir": ["~nobody-of-this-name/chat"],
    "durability": ["", "no", "Always", "everysec "],
    "partitions": ["", "0", "1025", "-1", "two", "1.0"],
    "post_rate": [
        "", "20", "20/", "/10s", "0/10s", "-1/10s", "20/999ms", "20/2d", "20/10", "Off", "20/10s/1",
        "1000001/1s", "20 / 10s", "1.5/10s",
    ],
    "max_store_mb": ["15", "0", "-1", "1000001", "100mb", "1e3"],
    "trusted_proxies": ["proxy", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.1;10.0.0.2", "*", "::g"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in BAD for text in BAD[name]])
def test_a_bad_value_is_explained_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    """A wrong value ends the start with its variable, the value and what is allowed."""
    variable = f"MESSENGER_{name.upper()}"
    (allowed,) = [setting.allowed for setting in SETTINGS if setting.name == name]
    expected = f"{variable} is {text!r}; allowed: {allowed}"
    assert refusal(**{name: text}) == expected
    monkeypatch.setenv(variable, text)
    assert refusal() == expected


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("MESSENGER_WINDOWS", "did you mean MESSENGER_WINDOW? "),
        ("MESSENGER_POSTRATE", "did you mean MESSENGER_POST_RATE? "),
        ("MESSENGER_ADMIN_TOKN", "did you mean MESSENGER_ADMIN_TOKEN? "),
        ("MESSENGER_QQQQQQQQQQQQQQ", ""),
        ("MESSENGER_", ""),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, variable: str, meant: str
) -> None:
    """A mistyped name is never passed over: the line names it, the one that was meant, and all that
    are allowed, but not its value, which may be a token."""
    monkeypatch.setenv(variable, TOKEN)
    words = refusal()
    assert words.startswith(f"{variable} is not a setting; {meant}allowed are MESSENGER_HOST, ")
    assert all(setting.variable in words for setting in SETTINGS)
    assert TOKEN not in words


def test_other_names_are_nobody_s_business(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only names that begin with ours are looked at."""
    monkeypatch.setenv("MESSENGE", "x")
    monkeypatch.setenv("MY_MESSENGER_PORT", "x")
    assert load().port == 8000


@pytest.mark.parametrize(
    "token", ["short", "x" * 31, "x" * 40 + " y", "x" * 40 + "\n", "é" * 40, "x" * 40 + "\x7f"]
)
def test_a_token_is_never_shown(token: str) -> None:
    """A token that is refused is not printed: the line may end in a log."""
    words = refusal(admin_token=token)
    assert words.startswith("MESSENGER_ADMIN_TOKEN is (not shown); allowed: at least 32 printable")
    assert token not in words


def test_settings_that_are_printed_show_no_token() -> None:
    """A line that shows the settings, for whatever reason, gives no token away."""
    assert TOKEN not in f"{load({'admin_token': TOKEN})!r}"


@pytest.mark.parametrize("url", ["http://user:pa55word@store", "redis://user:pa55word@store a"])
def test_a_store_s_password_is_never_shown(url: str) -> None:
    """A store's URL that is refused is shown without its password."""
    assert "pa55word" not in refusal(store_url=url)


def token_file(folder: Path, text: str = TOKEN, mode: int = 0o600) -> Path:
    path = folder / "token"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("text", [TOKEN, f"{TOKEN}\n", f"  {TOKEN}\r\n"])
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_token_is_read_from_its_file(tmp_path: Path, text: str, mode: int) -> None:
    """A file that only we can read gives the token, with or without a line end."""
    path = token_file(tmp_path, text, mode)
    assert load({"admin_token_file": str(path)}).admin_token == TOKEN


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        (TOKEN, 0o640),
        (TOKEN, 0o604),
        (TOKEN, 0o620),
        (TOKEN, 0o644),
        ("", 0o600),
        ("short", 0o600),
        (f"{TOKEN}\n{TOKEN}", 0o600),
        (f"{TOKEN} {TOKEN}", 0o600),
        ("é" * 40, 0o600),
    ],
)
def test_a_token_file_that_is_unfit_is_refused(tmp_path: Path, text: str, mode: int) -> None:
    """A file that others can read, or that holds no token, ends the start with one line without it."""
    path = token_file(tmp_path, text, mode)
    words = refusal(admin_token_file=str(path))
    assert words.startswith(f"MESSENGER_ADMIN_TOKEN_FILE is {str(path)!r}; allowed: a file that")
    assert TOKEN not in words


@pytest.mark.parametrize("name", ["nothing", ".", "token/x", "a\0b", "~nobody-of-this-name/token"])
def test_a_token_file_that_can_t_be_read_is_refused(tmp_path: Path, name: str) -> None:
    """A path that leads to no file ends the start with one line."""
    token_file(tmp_path)
    path = name if name.startswith("~") else f"{tmp_path}/{name}"
    assert "MESSENGER_ADMIN_TOKEN_FILE is " in refusal(admin_token_file=path)


def test_a_token_is_given_in_one_way(tmp_path: Path) -> None:
    """Two tokens are one too many, and neither is shown."""
    path = token_file(tmp_path)
    words = refusal(admin_token=TOKEN, admin_token_file=str(path))
    assert words == "MESSENGER_ADMIN_TOKEN and MESSENGER_ADMIN_TOKEN_FILE: only one may be set"


def test_what_is_given_stands_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An option wins over its variable; one that was not given leaves the variable as it is."""
    monkeypatch.setenv("MESSENGER_PORT", "9000")
    monkeypatch.setenv("MESSENGER_WINDOW", "1h")
    found = load({"port": "7000", "window": None})
    assert (found.port, found.window) == (7_000, 3_600_000)


@pytest.mark.parametrize("name", NAMES)
def test_settings_never_change(name: str) -> None:
    """What was checked at the start holds until the end."""
    with pytest.raises(AttributeError, match="immutable"):
        setattr(load(), name, None)
