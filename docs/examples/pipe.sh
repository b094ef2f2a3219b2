#!/bin/sh
# Prints what is said in all rooms, a line for each message, with jq. Each event is done when it was
# handed to jq.
#
#     pipe.sh GROUP [options of messenger consume]
group=$1
shift
messenger consume --group "$group" "$@" |
  jq --unbuffered -r 'select(.type == "message.posted") | "\(.room) \(.author): \(.text | @json)"'
