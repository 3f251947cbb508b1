#!/bin/sh
# Makes sure that the cache holds TensorRT plans for this GPU, and assembles a model repository of them.
#
# ARTEFACT            build folder of `wrinkle export` with onnx-fp16 graphs, read only
# PLAN_CACHE          shared volume; a folder per artefact and TensorRT version, in it plans per GPU model
# REPOSITORY          model repository to make
# NETWORKS            segmenters, separated by blanks
# LOCK_TIMEOUT_S      how long to wait for another pod that builds from the same artefact
# PLAN_OPTIONS        of `wrinkle export tensorrt`
# REPOSITORY_OPTIONS  of `wrinkle export repository`
#
# `wrinkle export` compares every file with the SHA-256 in the manifest, builds only what is missing or harmed, and
# publishes a plan whole or not at all. The lock spares pods that start together from building the same plan each; it ends
# with the process that holds it.
set -eu

digest=$(sha256sum "$ARTEFACT/manifest.json" | cut -c1-16)
tensorrt=$(python3 -c 'import tensorrt; print(tensorrt.__version__)' 2> /dev/null || echo none)  # below says what to do
build="$PLAN_CACHE/$digest-$tensorrt"
exec 9> "$build.lock"
if ! flock -w "$LOCK_TIMEOUT_S" 9; then
  echo "Another pod has held the plan cache for $LOCK_TIMEOUT_S s; look at the pods that build plans." >&2
  exit 1
fi
if [ ! -f "$build/manifest.json" ]; then
  rm -rf "$build.staging" "$build"  # of a pod that was killed
  cp -r "$ARTEFACT/." "$build.staging"
  mv -T "$build.staging" "$build"
fi
for network in $NETWORKS; do
  # shellcheck disable=SC2086  # options are words
  wrinkle export tensorrt "$build" "$network" --timing-cache "$PLAN_CACHE/timings" $PLAN_OPTIONS
done
flock -u 9

gpu=$(python3 -c 'from wrinkle_export.tensorrt.cuda_driver import CudaDriver; d = CudaDriver(); print(d.device_name(d.device()))')
# shellcheck disable=SC2086
wrinkle export repository "$REPOSITORY" --runtime tensorrt --build "$build" --gpu "$gpu" \
  --models "$(echo "$NETWORKS" | tr ' ' ',')" $REPOSITORY_OPTIONS
