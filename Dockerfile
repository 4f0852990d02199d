# The image of workers and restage jobs: their programs and nothing else. `make image` builds it from build/ARCH/image.
# The base has certificates, time zones and the user nonroot, and no shell. Its tag moves: to fix it, name its digest here
# (the image's own tag is a hash of this file and the programs).
FROM gcr.io/distroless/static-debian12:nonroot
COPY --chmod=0555 app/ /app/
USER 65532:65532
