# docker build -t roster .        the registry: one static binary, nobody's rights, nothing else
# docker build --target etcd .    etcd of the version that the tests run against
FROM golang:1.26.8-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=
ENV CGO_ENABLED=0 GOCACHE=/cache
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/cache \
    go build -trimpath -tags nomsgpack -ldflags "-s -w ${VERSION:+-X main.stamped=$VERSION}" -o /out/roster ./cmd/roster
# A volume takes owner and mode from the folder that it is mounted over.
RUN mkdir -m 0700 /out/certs /out/data

FROM golang:1.26.8-alpine AS build-etcd
WORKDIR /src/tools/etcd
COPY tools/etcd/go.mod tools/etcd/go.sum ./
ENV CGO_ENABLED=0 GOCACHE=/cache
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/cache \
    go build -trimpath -ldflags "-s -w" -o /out/etcd go.etcd.io/etcd/server/v3 && \
    go build -trimpath -ldflags "-s -w" -o /out/etcdctl go.etcd.io/etcd/etcdctl/v3
RUN mkdir -m 0700 /out/data

FROM scratch AS etcd
COPY --from=build-etcd /out/etcd /out/etcdctl /
COPY --from=build-etcd --chown=65532:65532 /out/data /data
USER 65532:65532
EXPOSE 2379 2380
ENTRYPOINT ["/etcd"]

FROM scratch AS roster
# The roots of the system, for backends whose certificates they signed.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/roster /roster
COPY --from=build --chown=65532:65532 /out/certs /certs
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
EXPOSE 8443
HEALTHCHECK --interval=5s --timeout=4s --start-period=10s --retries=3 \
    CMD ["/roster", "health", "--ready", "--address", "http://127.0.0.1:8444", "--timeout", "3s"]
ENTRYPOINT ["/roster"]
CMD ["serve"]
