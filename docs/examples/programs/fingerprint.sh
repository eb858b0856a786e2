#!/bin/sh
# Answers each message of the kind "ask" with the SHA-256 of its body, as a message of the kind "told".
#
#     sh fingerprint.sh DIR
#
# DIR is the directory of a client that runs (`loopixmix client run DIR`). Needs curl, jq and flock.
set -eu

if [ $# -ne 1 ]; then
    echo "usage: sh fingerprint.sh DIR" >&2
    exit 2
fi
dir=$1
body=$(mktemp)
trap 'rm -f "$body"' EXIT

# A daemon that was started anew listens at another port: the files are read before each call.
# --noproxy: a proxy that the environment names would see the token. A header from standard input does not stand
# in the list of processes, which all users of the machine can read.
call() {
    method=$1 target=$2
    shift 2
    # After a crash another program may have the port, and would be shown the token. A daemon that runs holds its lock;
    # the number in that file tells nothing, because another process may have it by now.
    if flock --nonblock --shared "$dir/client.lock" true; then return 1; fi
    # The token first: so a new one is never sent to an old address.
    token=$(cat "$dir/api.token") && url=$(cat "$dir/api.url") || return 1
    printf 'Authorization: Bearer %s\n' "$token" |
        curl --silent --show-error --fail-with-body --noproxy '*' --header @- --request "$method" "$@" "$url$target"
}

settle() {
    call POST "/v1/received/$subscription/$number/$1"
}

answer() {
    number=$(printf %s "$1" | jq -r .number)
    sender=$(printf %s "$1" | jq -r '.sender // empty | @uri')
    key=$(printf %s "$1" | jq -r .message_id)
    # An anonymous message has no address to answer to.
    if [ -n "$sender" ]; then
        # The body alone, as bytes, whether it is long or short. The same message, answered twice, has the same key:
        # the daemon sends the answer once.
        call GET "/v1/inbox/$number/body" --output "$body" &&
            sum=$(sha256sum "$body" | cut -d ' ' -f 1) &&
            call POST "/v1/messages?to=$sender&kind=told&idempotency_key=$key" --output "$body" \
                --header 'Content-Type: application/octet-stream' --data-binary "$sum" || return 1
    fi
    settle handled && echo "answered message $number"
}

while true; do
    call GET '/v1/received?kind=ask' --no-buffer | while IFS= read -r line; do
        case $line in
        'event: '*) event=${line#event: } ;;
        'data: '*)
            data=${line#data: }
            case $event in
            subscribed) subscription=$(printf %s "$data" | jq -r .subscription) ;;
            # The sender is no contact, for example. The message comes again later, and holds up no other.
            message) answer "$data" || settle failed || break ;;
            esac
            ;;
        esac
    done || true
    echo "the stream ended; trying again" >&2
    sleep 1
done
