"""What can be set, and what a wrong setting is told."""

import ipaddress
from pathlib import Path

import pytest

from messenger.errors import BadSettings
from messenger.settings import SETTINGS, Settings, load
from messenger.values import Rate

DAY = 86_400_000
TOKEN = "a-token-of-thirty-two-characters"


def refusal(given: dict[str, str] | None = None) -> str:
    """The one line that ends the start."""
    with pytest.raises(BadSettings) as error:
        load(given)
    assert "\n" not in error.value.detail
    return error.value.detail


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return path


def test_without_any_setting_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defaults are those that are documented."""
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert load() == Settings(
        host="127.0.0.1",
        port=8_000,
        window=900_000,
        store_url=None,
        data_dir=Path("/state/messenger"),
        durability="everysec",
        replicas=0,
        partitions=1,
        post_rate=Rate(20, 10_000),
        room_rate=Rate(1_000, 10_000),
        new_room_rate=Rate(60, 600_000),
        visitor_connections=200,
        max_store_mb=None,
        admin_token=None,
        admin_token_file=None,
        trusted_proxies=(),
        tracing=False,
    )


def test_the_names_are_a_contract() -> None:
    """Each setting is one MESSENGER_ variable, and none was renamed."""
    assert {setting.variable for setting in SETTINGS} == {
        "MESSENGER_HOST",
        "MESSENGER_PORT",
        "MESSENGER_WINDOW",
        "MESSENGER_STORE_URL",
        "MESSENGER_DATA_DIR",
        "MESSENGER_DURABILITY",
        "MESSENGER_REPLICAS",
        "MESSENGER_PARTITIONS",
        "MESSENGER_POST_RATE",
        "MESSENGER_ROOM_RATE",
        "MESSENGER_NEW_ROOM_RATE",
        "MESSENGER_VISITOR_CONNECTIONS",
        "MESSENGER_MAX_STORE_MB",
        "MESSENGER_ADMIN_TOKEN",
        "MESSENGER_ADMIN_TOKEN_FILE",
        "MESSENGER_TRUSTED_PROXIES",
        "MESSENGER_TRACING",
    }


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("host", "0.0.0.0", "0.0.0.0"),
        ("host", "::1", "::1"),
        ("host", "fe80::1%eth0", "fe80::1%eth0"),
        ("host", "chat.example", "chat.example"),
        ("port", "0", 0),
        ("port", "65535", 65_535),
        ("window", "1s", 1_000),
        ("window", "1500ms", 1_500),
        ("window", "2h", 7_200_000),
        ("window", "365d", 365 * DAY),
        ("store_url", "", None),
        ("store_url", "redis://localhost", "redis://localhost"),
        ("store_url", "redis://user:word@[::1]:6380/2", "redis://user:word@[::1]:6380/2"),
        ("store_url", "rediss://store.example:6379", "rediss://store.example:6379"),
        ("store_url", "unix:///run/store.sock?db=1", "unix:///run/store.sock?db=1"),
        ("store_url", "unix://user:word@/run/store.sock", "unix://user:word@/run/store.sock"),
        ("data_dir", "/var/lib/messenger", Path("/var/lib/messenger")),
        ("data_dir", "relative", Path.cwd() / "relative"),
        ("durability", "always", "always"),
        ("partitions", "1024", 1_024),
        ("post_rate", "off", None),
        ("post_rate", "1/1s", Rate(1, 1_000)),
        ("post_rate", "1000000/1d", Rate(1_000_000, DAY)),
        ("room_rate", "off", None),
        ("room_rate", "600/1m", Rate(600, 60_000)),
        ("new_room_rate", "off", None),
        ("visitor_connections", "off", None),
        ("visitor_connections", "1", 1),
        ("max_store_mb", "", None),
        ("max_store_mb", "16", 16),
        ("max_store_mb", "1000000", 1_000_000),
        ("admin_token", TOKEN, TOKEN),
        ("admin_token", "", None),
        ("admin_token_file", "", None),
        ("trusted_proxies", "", ()),
        (
            "trusted_proxies",
            "127.0.0.1, 10.0.0.0/8,fd00::/8,",
            tuple(map(ipaddress.ip_network, ("127.0.0.1/32", "10.0.0.0/8", "fd00::/8"))),
        ),
    ],
)
def test_what_is_allowed_is_taken(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object
) -> None:
    """A setting means the same from the environment and from an option."""
    assert getattr(load({name: text}), name) == value
    monkeypatch.setenv(f"MESSENGER_{name.upper()}", text)
    assert getattr(load(), name) == value


@pytest.mark.parametrize("where", ["environment", "option"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("host", ""), ("host", "a b"), ("host", "http://x"), ("host", "x\n"),
        ("port", ""), ("port", "-1"), ("port", "65536"), ("port", "80a"), ("port", " 80"),
        ("port", "٨٠"), ("port", "8" * 5_000), ("port", "80\n"),
        ("window", ""), ("window", "0s"), ("window", "999ms"), ("window", "366d"), ("window", "15"),
        ("window", "15 m"), ("window", "-1s"), ("window", "1.5h"),
        ("store_url", "localhost:6379"), ("store_url", "http://localhost"), ("store_url", "redis://"),
        ("store_url", "unix://relative"), ("store_url", "redis://a b"), ("store_url", "redis://a\n"),
        ("store_url", "redis://localhost:99999"), ("store_url", "redis://localhost:port"),
        ("store_url", "redis://[::1"), ("store_url", "redis://localhost/notadb"),
        ("store_url", "unix://relative/socket"), ("store_url", "redis://localhost?db=x"),
        ("durability", ""), ("durability", "Always"), ("durability", "no"),
        ("partitions", ""), ("partitions", "0"), ("partitions", "1025"), ("partitions", "1.0"),
        ("post_rate", ""), ("post_rate", "20"), ("post_rate", "20/"), ("post_rate", "0/10s"),
        ("post_rate", "20/0s"), ("post_rate", "20/999ms"), ("post_rate", "20/2d"),
        ("post_rate", "20/10s/1"), ("post_rate", "OFF"), ("post_rate", "1000001/1d"),
        ("room_rate", ""), ("room_rate", "0/1s"), ("new_room_rate", "1"),
        ("visitor_connections", ""), ("visitor_connections", "0"), ("visitor_connections", "Off"),
        ("max_store_mb", "15"), ("max_store_mb", "1000001"), ("max_store_mb", "1GB"),
        ("trusted_proxies", "localhost"), ("trusted_proxies", "10.0.0.1/8"),
        ("trusted_proxies", "10.0.0.0/33"), ("trusted_proxies", "10.0.0.1;10.0.0.2"),
    ],
)  # fmt: skip
def test_what_is_not_allowed_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, where: str, name: str, text: str
) -> None:
    """One line names the variable, its value and what is allowed."""
    variable = f"MESSENGER_{name.upper()}"
    if where == "environment":
        monkeypatch.setenv(variable, text)
    allowed = next(setting.allowed for setting in SETTINGS if setting.name == name)
    words = refusal({} if where == "environment" else {name: text})
    assert words == f"{variable} is {text!r}; allowed: {allowed}"


@pytest.mark.parametrize(
    "text", ["short", TOKEN[:31], TOKEN + " ", TOKEN + "\n", TOKEN + "é", TOKEN + "\0"]
)
def test_a_bad_token_is_not_shown(text: str) -> None:
    """A token that is not allowed is refused, and is in no line that anybody reads."""
    words = refusal({"admin_token": text})
    assert words.startswith("MESSENGER_ADMIN_TOKEN is (not shown); allowed: at least 32 ")
    assert text not in words.replace("printable", "")


def test_a_store_url_s_password_is_not_shown() -> None:
    """A store's address that is not allowed is refused without its password."""
    words = refusal({"store_url": "http://user:sesame@store.example"})
    assert words.startswith("MESSENGER_STORE_URL is ")
    assert "sesame" not in words


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MESSENGER_WINDOWS", "MESSENGER_WINDOW"),
        ("MESSENGER_STORE", "MESSENGER_STORE_URL"),
        ("MESSENGER_PARTITION", "MESSENGER_PARTITIONS"),
        ("MESSENGER_TRUSTED_PROXY", "MESSENGER_TRUSTED_PROXIES"),
    ],
)
def test_a_misspelt_setting_is_not_passed_over(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    """An unknown name is refused, with the one that was probably meant, and without its value."""
    monkeypatch.setenv(name, "some value")
    words = refusal()
    assert words.startswith(f"{name} is not a setting; did you mean {meant}? allowed are ")
    assert "some value" not in words
    assert all(setting.variable in words for setting in SETTINGS)


def test_a_name_like_no_other_is_refused_without_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is near, only the list is told."""
    monkeypatch.setenv("MESSENGER_QQQQQQQQQQQQQQQQQQQQ", "1")
    assert "did you mean" not in refusal()


def test_others_names_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of other programs, and of other spelling, are nothing to us."""
    monkeypatch.setenv("MESSENGERS_PORT", "x")
    monkeypatch.setenv("messenger_port", "x")
    assert load().port == 8_000


def test_an_option_goes_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person types wins; what they leave out comes from the environment."""
    monkeypatch.setenv("MESSENGER_PORT", "9000")
    monkeypatch.setenv("MESSENGER_WINDOW", "1h")
    found = load({"port": "9001", "window": None})
    assert (found.port, found.window) == (9_001, 3_600_000)


def test_settings_do_not_change() -> None:
    """Nothing is set after the start."""
    with pytest.raises(AttributeError):
        load().port = 1  # type: ignore[misc]


def test_a_token_is_read_from_its_file(token_file: Path) -> None:
    """A file holds the token, with or without a line's end."""
    assert load({"admin_token_file": str(token_file)}).admin_token == TOKEN


@pytest.mark.parametrize(
    ("mode", "content"),
    [
        (0o644, TOKEN.encode()),
        (0o640, TOKEN.encode()),
        (0o606, TOKEN.encode()),
        (0o600, b""),
        (0o600, b"short"),
        (0o600, b"two words " + TOKEN.encode()),
        (0o600, TOKEN.encode() + b"\n" + TOKEN.encode()),
        (0o600, b"\xff" * 40),
        (0o600, b"a\0" * 40),
    ],
)
def test_a_token_file_that_is_not_safe_is_refused(
    token_file: Path, mode: int, content: bytes
) -> None:
    """A file that others can read, or that holds no token, is refused and its content not shown."""
    token_file.write_bytes(content)
    token_file.chmod(mode)
    words = refusal({"admin_token_file": str(token_file)})
    assert words.startswith(f"MESSENGER_ADMIN_TOKEN_FILE is '{token_file}'; allowed: a file that ")
    assert "chmod 600" in words
    assert TOKEN not in words


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_token_file_that_is_none_is_refused(tmp_path: Path, kind: str) -> None:
    """A file that is not there, or is a folder, ends the start with a line and not a traceback."""
    path = tmp_path if kind == "folder" else tmp_path / "missing"
    assert "allowed: a file that others can't read" in refusal({"admin_token_file": str(path)})


def test_a_token_is_given_once(token_file: Path) -> None:
    """Two tokens at once are a mistake, and neither is shown."""
    words = refusal({"admin_token": TOKEN, "admin_token_file": str(token_file)})
    assert words == "MESSENGER_ADMIN_TOKEN and MESSENGER_ADMIN_TOKEN_FILE: only one may be set"


@pytest.mark.parametrize("how", [repr, str])
def test_a_token_is_not_printed_with_the_settings(how: type) -> None:
    """Settings that land in a log or a traceback do not take the token there."""
    assert TOKEN not in how(load({"admin_token": TOKEN}))
