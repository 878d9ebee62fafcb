#!/usr/bin/env bash
# Does what README says, as somebody new: from an empty project of one's own to the first message on a page. Prints
# `QUICKSTART <step> <seconds>` for each thing that has to be typed, and how many there were.
#
# The crate is this checkout's, by a patch that a user does not need; everything else is fetched and built anew.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
home=$root/target/quickstart
rm -rf "$home"
mkdir -p "$home"
cd "$home"
export CARGO_TARGET_DIR=$home/target
steps=0 begun=$SECONDS site=

finish() {
  [ -z "$site" ] || kill "$site" 2>/dev/null || true
}
trap finish EXIT

# step <name> <command…>: one line that somebody types.
step() {
  local name=$1 start=$SECONDS
  shift
  "$@"
  steps=$((steps + 1))
  echo "QUICKSTART $name $((SECONDS - start))"
}

# What README has them add, by this checkout.
add() {
  local line
  line=$(grep -m1 '^cargo add ' "$root/README.md")
  [ "$line" = 'cargo add actix-web salver' ] || { echo "README says: $line" >&2; exit 1; }
  cargo add --quiet actix-web
  cargo add --quiet --path "$root" salver
}

# The first block of code on README, as it stands there.
paste() {
  sed -n '/^```rust,no_run$/,/^```$/p' "$root/README.md" | sed '/^```/d' >src/main.rs
  [ -s src/main.rs ] || { echo 'README has no block of code' >&2; exit 1; }
}

run() {
  cargo build --quiet
  local port
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  url=http://127.0.0.1:$port/settings
  SALVER_ADDR=127.0.0.1:$port cargo run --quiet &
  site=$!
  for _ in $(seq 100); do
    curl --silent --output page "$url" && return
    sleep 0.1
  done
  echo 'the site does not answer' >&2
  exit 1
}

# Presses the button, as a browser does: the redirect leads to the page.
press() {
  curl --silent --location --cookie-jar jar --cookie jar --data '' --output page "$url"
  grep -q 'Your settings have been changed successfully.' page
}

reload() {
  curl --silent --cookie jar --output page "$url"
  ! grep -q 'Your settings have been changed successfully.' page
}

step 'cargo-new' cargo new --quiet site
cd site
step 'cargo-add' add
step 'paste-readme' paste
step 'cargo-run' run
step 'press-the-button' press
step 'reload' reload
echo "QUICKSTART steps=$steps seconds=$((SECONDS - begun)) of which most are the compiler's"
