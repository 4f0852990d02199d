# The image of workers and restage jobs: their programs and nothing else. `make image` builds it from build/ARCH/image.
# The base has certificates, time zones and the user nonroot, and no shell. Its tag moves, and the repository refuses a
# second image of the same tag: the digest is that of the index of all architectures, see docs/cluster.md. To update the
# base, change it here (the image's own tag is a hash of this file and the programs).
FROM gcr.io/distroless/static-debian12:nonroot@sha256:b7bb25d9f7c31d2bdd1982feb4dafcaf137703c7075dbe2febb41c24212b946f
COPY --chmod=0555 app/ /app/
USER 65532:65532
