# The pool that runs hostile programs, and the Python that they run on. A cell shows them that Python and nothing else
# of this image.
#
#   docker build --file images/sandbox.Dockerfile --tag genesis-sandbox:0.1.0 .
ARG RUST=rust:1.95.0-bookworm
ARG PYTHON=python:3.13.5-slim-bookworm

FROM ${RUST} AS build
WORKDIR /src
COPY . .
# The repository's cargo configuration links statically and names the target.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo build --release --locked --package genesis-sandbox \
    && cd "target/$(rustc --print host-tuple)/release" \
    && install -D --target-directory /out/usr/local/bin genesis-sandbox

FROM ${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=
# Where the pool looks for an interpreter.
RUN ln --symbolic /usr/local/bin/python3 /usr/bin/python3
COPY images/root /
COPY --from=build /out /
ENV PATH=/usr/local/bin:/usr/bin:/bin
LABEL org.opencontainers.image.title="genesis-sandbox" \
      org.opencontainers.image.description="The pool of Genesis that runs hostile programs, with their Python" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/genesis-sandbox"]
