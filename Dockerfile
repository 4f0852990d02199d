# The image of workers and restage jobs: their programs and nothing else. `make image` builds it from build/ARCH/image.
# The base has certificates, time zones and the user nonroot, and no shell. Give one by digest to fix it:
#   make image BASE=gcr.io/distroless/static-debian12@sha256:...
ARG BASE=gcr.io/distroless/static-debian12:nonroot
FROM ${BASE}
COPY --chmod=0555 app/ /app/
USER 65532:65532
