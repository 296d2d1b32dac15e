# Two stages: a static binary, then nothing but it.
FROM rust:1-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
RUN cargo build --release --locked && cp target/release/leapday /leapday

FROM scratch
COPY --from=build /leapday /leapday
# A number, so that `runAsNonRoot` can see that it is not root.
USER 65532:65532
# Inside a container the loopback is nobody's address.
ENV LEAPDAY_HOST=0.0.0.0
EXPOSE 4010
# The binary probes itself: there is no shell and no curl here. A short start interval lets CI go on at once.
HEALTHCHECK --interval=5s --timeout=2s --start-period=5s --start-interval=100ms --retries=3 CMD ["/leapday", "health"]
ENTRYPOINT ["/leapday"]
CMD ["serve"]
