# The image: one static program and nothing else. Any builder with BuildKit makes it:
#
#   docker build --tag REGISTRY/landfall:0.1.0 .
FROM rust:1.95.0-slim-bookworm AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev libcap2-bin make \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    .ci/image-root /image

FROM scratch
COPY --from=build /image/ /
# A number, so that runAsNonRoot can be verified.
USER 65532:65532
EXPOSE 8080 8443 10254
ENTRYPOINT ["/landfall"]
