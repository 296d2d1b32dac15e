# A static binary, then nothing but it. The compiler runs as the machine that builds and writes for the image's
# platform, so that `docker buildx build --platform linux/amd64,linux/arm64 .` emulates nothing.
ARG BUILDER=rust:1-slim-bookworm
FROM --platform=$BUILDPLATFORM $BUILDER AS build
ARG TARGETARCH
# clang and the headers of musl, for the C in `ring` and in `mimalloc`; musl itself and a linker come with Rust.
RUN dpkg --add-architecture "$TARGETARCH" \
 && apt-get update \
 && apt-get install --yes --no-install-recommends clang "musl-dev:$TARGETARCH" \
 && rm -rf /var/lib/apt/lists/*
RUN case "$TARGETARCH" in amd64) cpu=x86_64 ;; arm64) cpu=aarch64 ;; *) echo "not built for $TARGETARCH" >&2; exit 1 ;; esac \
 && echo "$cpu-unknown-linux-musl" >/target \
 && rustup target add "$cpu-unknown-linux-musl" \
 && mkdir /data
ENV CC=clang \
    CFLAGS_x86_64_unknown_linux_musl="-isystem /usr/include/x86_64-linux-musl" \
    CFLAGS_aarch64_unknown_linux_musl="-isystem /usr/include/aarch64-linux-musl" \
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER=rust-lld \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=rust-lld
WORKDIR /src
COPY . .
ARG PROFILE=release
# What was built before stays in a cache, dependencies above all. A file of the sources may be older than that and yet
# be new here: touching the roots compiles the sources again whatever their dates say.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    touch src/lib.rs src/main.rs \
 && cargo build --locked --bin leapday --profile "$PROFILE" --target "$(cat /target)" \
 && mkdir /$TARGETARCH \
 && cp "target/$(cat /target)/$(echo "$PROFILE" | sed 's/^dev$/debug/')/leapday" /$TARGETARCH/

# Only the file: `docker buildx build --target binary --output DIR .`
FROM scratch AS binary
ARG TARGETARCH
COPY --from=build /$TARGETARCH/leapday /leapday

FROM binary
LABEL org.opencontainers.image.title="leapday" \
      org.opencontainers.image.description="A local sandbox for subscription-billing APIs whose clock you can turn" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
# The one place to write to, and only when asked: LEAPDAY_STATE=/data/worlds.json, or a certificate authority.
COPY --from=build --chown=65532:65532 /data /data
# A number, so that `runAsNonRoot` can see that it is not root.
USER 65532:65532
# Inside a container the loopback is nobody's address.
ENV LEAPDAY_HOST=0.0.0.0 \
    LEAPDAY_CA_DIR=/data/ca
EXPOSE 4010
# The binary probes itself: there is no shell and no curl here. A short start interval lets CI go on at once.
HEALTHCHECK --interval=5s --timeout=2s --start-period=5s --start-interval=100ms --retries=3 CMD ["/leapday", "health"]
ENTRYPOINT ["/leapday"]
CMD ["serve"]
