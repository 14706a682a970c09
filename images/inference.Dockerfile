# The inference server with the built-in models, for processors and, with --target cuda, for NVIDIA's devices.
#
#   docker build --file images/inference.Dockerfile --tag genesis-inference:0.1.0 .
#   docker build --file images/inference.Dockerfile --tag genesis-inference:0.1.0-cuda --target cuda .
ARG RUST=rust:1.95.0-bookworm
ARG CUDA=nvidia/cuda:12.8.1-devel-ubuntu24.04

FROM ${RUST} AS rust

FROM rust AS build
WORKDIR /src
COPY . .
# The repository's cargo configuration links statically and names the target.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo build --release --locked --package genesis-model --bin genesis-inference \
    && cd "target/$(rustc --print host-tuple)/release" \
    && install -D --target-directory /out/usr/local/bin genesis-inference

FROM ${CUDA} AS build-cuda
COPY --from=rust /usr/local/cargo /usr/local/cargo
COPY --from=rust /usr/local/rustup /usr/local/rustup
ENV CARGO_HOME=/usr/local/cargo RUSTUP_HOME=/usr/local/rustup PATH=/usr/local/cargo/bin:/usr/local/cuda/bin:/usr/bin:/bin
# A static program cannot load the driver's library. This takes the place of the flags in the cargo configuration.
ENV RUSTFLAGS="-C target-feature=-crt-static"
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo build --release --locked --package genesis-model --bin genesis-inference --features cuda \
    && cd "target/$(rustc --print host-tuple)/release" \
    && install -D --target-directory /out/usr/local/bin genesis-inference

# The whole toolkit: kernels are compiled where they are first used, from its headers.
FROM ${CUDA} AS cuda
ARG VERSION=0.1.0
ARG REVISION=
COPY images/root /
COPY --from=build-cuda /out /
COPY src/model/models /usr/share/genesis/models
ENV GENESIS_MODELS=/usr/share/genesis/models
LABEL org.opencontainers.image.title="genesis-inference" \
      org.opencontainers.image.description="The inference server of Genesis with the built-in models, for NVIDIA's devices" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/genesis-inference"]

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=
COPY images/root /
COPY --from=build /out /
COPY src/model/models /usr/share/genesis/models
ENV PATH=/usr/local/bin:/usr/bin:/bin GENESIS_MODELS=/usr/share/genesis/models
LABEL org.opencontainers.image.title="genesis-inference" \
      org.opencontainers.image.description="The inference server of Genesis with the built-in models, for processors" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/genesis-inference"]
