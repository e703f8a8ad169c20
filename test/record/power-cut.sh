#!/usr/bin/env bash
# A power cut without a power switch: what was never synced is in the page cache only, and so not in a copy of the disk's image.
# Runs in a mount namespace of its own (unshare -m), so that nothing of it is left when it ends in whatever way.
#
#   power-cut.sh FOLDER LINES CHECK WRITER…    cuts when the writer has printed that many lines; both commands get the folder on the disk as their last argument
#
# FOLDER/said: what the writer printed before the cut. FOLDER/found: what CHECK printed about the disk as it was then, and FOLDER/checked
# its exit status.
set -euo pipefail
folder=$1 lines=$2 check=$3
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
for _ in $(seq 3000); do
  [ "$(wc -l < said)" -ge "$lines" ] && break
  sleep 0.02
done
kill -STOP -- "-$writer"
cp --sparse=always disk.img cut.img
kill -KILL -- "-$writer"
wait "$writer" || true
# Threads of the killed may hold it for a moment.
for _ in $(seq 100); do
  umount before 2>/dev/null && break
  sleep 0.05
done
mount -o loop cut.img after
status=0
$check "$folder/after/data" > found || status=$?
echo "$status" > checked
umount after
