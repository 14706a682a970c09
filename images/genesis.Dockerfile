# Operator, gateway and evaluator in one static program, and kubectl-genesis.
#
#   docker build --file images/genesis.Dockerfile --tag genesis:0.1.0 .
ARG RUST=rust:1.95.0-bookworm

FROM ${RUST} AS build
WORKDIR /src
COPY . .
# The repository's cargo configuration links statically and names the target.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo build --release --locked --package genesis --package genesis-kubectl \
    && cd "target/$(rustc --print host-tuple)/release" \
    && install -D --target-directory /out/usr/local/bin genesis kubectl-genesis \
    # SQLite sorts what does not fit its cache in files.
    && mkdir --mode 1777 /out/tmp

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=
COPY images/root /
COPY --from=build /out /
ENV PATH=/usr/local/bin:/usr/bin:/bin
LABEL org.opencontainers.image.title="genesis" \
      org.opencontainers.image.description="Operator, gateway and evaluator of Genesis, and kubectl-genesis" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/genesis"]
