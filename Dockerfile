# Countersign: one image for web, poller, worker and sweeper, by its command (compose.yaml).
# `make image-test` builds it and runs a decision through all four.
#
# Debian's own Python: the version that the tests run on, with Debian's security updates.
# Another registry or a pinned digest: --build-arg BASE=registry.example/debian@sha256:...
ARG BASE=debian:bookworm-slim

# --- build: a virtual environment, static files, byte code. Nothing else of this stage is kept.
FROM ${BASE} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY requirements.txt /tmp/
# By the hashes of the lock, wheels only: no compiler is needed, and no package's own code runs during the build. The service
# installs nothing later, so pip is removed.
RUN python3 -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
        -r /tmp/requirements.txt \
    && /venv/bin/pip uninstall --yes --quiet pip setuptools
WORKDIR /app
COPY manage.py LICENSE ./
COPY config config/
COPY approvals approvals/
# DEBUG replaces the secrets that the settings require, for this command only; no layer's environment
# has it. The modes are set because the umask of a checkout must not decide what uid 10001 may read.
RUN DEBUG=1 DATABASE_URL=postgres://nobody@127.0.0.1:1/none \
        /venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && /venv/bin/python -m compileall -q approvals config \
    && chmod -R u=rwX,go=rX /app

# --- run
FROM ${BASE}
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
    && groupadd --gid 10001 countersign \
    && useradd --uid 10001 --gid 10001 --home-dir /app --no-create-home --shell /usr/sbin/nologin countersign
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    PROBE_PORT=8001
# A number, so that Kubernetes can see that it is not root. Everything in /app belongs to root: the
# service writes only temporary files.
USER 10001:10001
EXPOSE 8000 8001
# For the web process, whose command this is; the others disable it. It asks live, not ready: a restart
# does not repair a database. http.client, because urllib would use a proxy for 127.0.0.1.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; web = http.client.HTTPConnection('127.0.0.1', int(os.environ['PROBE_PORT'] or os.environ['PORT']), timeout=2); web.request('GET', '/healthz/live'); sys.exit(web.getresponse().status != 200)"]
CMD ["python", "-m", "config.web"]

ARG VERSION=unversioned
LABEL org.opencontainers.image.title="Countersign" \
      org.opencontainers.image.description="A human-in-the-loop approval service for AWS Step Functions" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"
