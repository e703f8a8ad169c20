#!/usr/bin/env bash
# A power cut without a power switch: what was never synced is in the page cache only, and so not in a copy of the disk's image.
# Runs in a mount namespace of its own (unshare -m), so that nothing of it is left when it ends in whatever way.
#
#   power-cut.sh FOLDER SECONDS CHECK WRITER…    both commands get the folder on the disk as their last argument
#
# FOLDER/said: what the writer printed before the cut. FOLDER/found: what CHECK printed about the disk as it was then.
set -euo pipefail
folder=$1 seconds=$2 check=$3
shift 3
cd "$folder"
truncate -s 64M disk.img
mkfs.ext4 -q -F disk.img
mkdir -p before after
# A commit interval longer than the test: the file system itself saves nothing by the way.
mount -o loop,commit=300 disk.img before
setsid "$@" "$folder/before/data" > said &
writer=$!
trap 'kill -KILL -- "-$writer" 2>/dev/null || true' EXIT
# Counted from its first word: a slow machine starts it slowly.
for _ in $(seq 600); do [ -s said ] && break; sleep 0.1; done
sleep "$seconds"
kill -STOP -- "-$writer"
cp --sparse=always disk.img cut.img
kill -KILL -- "-$writer"
wait "$writer" || true
umount before
mount -o loop cut.img after
$check "$folder/after/data" > found
umount after
