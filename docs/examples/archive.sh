#!/bin/sh
# A handler for one event: keeps each message in a file of its own until its time is over.
#
#     messenger consume --group archive --concurrency 4 -- ./archive.sh FOLDER
#
# It succeeds only when the file is whole. The file's name is the event's key: a second time writes the
# same file again.
set -eu
folder=$1
event=$(cat)
field() { printf '%s' "$event" | jq -r "$1"; }

# What has expired goes from the archive too: nothing may be kept for longer than it lives.
now=$(date +%s)
for file in "$folder"/*.json; do
  if [ -e "$file" ] && [ "$(jq .expires_at "$file")" -le "$((now * 1000))" ]; then rm -f "$file"; fi
done

case $(field .type) in
  message.posted)
    name=$(field .key | tr / -)
    printf '%s\n' "$event" >"$folder/.$name.part"
    mv "$folder/.$name.part" "$folder/$name.json"
    ;;
  message.erased)
    name=$(field '(.key | split("/")[0]) + "-" + .erased')
    rm -f "$folder/$name.json"
    ;;
esac
