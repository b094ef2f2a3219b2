"""Where fuzzing begins, and what it has found: each that broke a promise once is tried for ever."""

BEGINNINGS = (
    b"",
    b'{"text":"hello","author":"Ann","ttl":"30s"}',
    b'{"post":{"text":"hello"},"key":"4711"}',
    b'{"text":"\\ud83d\\ude00\\ud800"}',
    b"text=hello%0D%0Aworld&author=&ttl=10s&nonce=abc",
    b"application/json; charset=utf-8",
    b"type\0message.posted\0room\0lobby\0author\0Ann\0text\0hello\0ttl\x0060000",
    b"type\0message.erased\0room\0lobby\0message\x001764000000000-0\0by\0author",
    b'{"type":"message.posted","id":"1764000000000-0","room":"lobby","author":"Ann","text":"hello",'
    b'"created_at":1764000000000,"expires_at":1764000060000}',
    b"1764000000000-0",
    b"1764000000000:0,1f-3,ff",
    b"18446744073709551615-18446744073709551615",
    b"10m 2026-11-24T10:00:00+01:00",
    b"window now",
    b"0.5x",
    b"https://example.org/a(b)?c=\xc3\xa9. and http://[::1]:80/",
    "\u2066\u2069\u0301\u202e👩‍🚀".encode(),
    b"rediss://user:word@[::1]:6380/2?db=1&ssl_cert_reqs=none",
    b"unix://user:word@/run/store.sock",
    b"redis+sentinel://:word@one:26379,[::1]:2/primary/1?sentinel_username=me",
    b"rediss+cluster://one:7000,two",
    b"198.51.100.1:1234, [2001:db8::1]:80, unknown, fe80::1%eth0",
    b"application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4",
    b"Bearer \xff\xfe",
    b"20/10s",
    b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
)

# By target: bytes that broke a promise before it was mended.
FOUND: dict[str, tuple[bytes, ...]] = {
    # The library of the figures compared a version's words with numbers.
    "forwarded": (
        b"application/openmetrics-text; version=x",
        b"text/plain; version=1.1e1",
        b"application/openmetrics-text; version=2.\xff",
    ),
}
