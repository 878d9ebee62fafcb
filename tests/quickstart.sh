#!/usr/bin/env bash
# Follows the README from an empty project to the first message on a page. Prints
# `QUICKSTART <step> <seconds>` for each step of the user, and then the number of steps.
#
# The crate is this checkout, by a path dependency that a user does not need. All other crates are
# fetched and built.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$root/target/quickstart
rm -rf "$work"
mkdir -p "$work"
cd "$work"
export CARGO_TARGET_DIR=$work/target
steps=0 started=$SECONDS site=

finish() {
  [ -z "$site" ] || kill "$site" 2>/dev/null || true
}
trap finish EXIT

# step <name> <command…>: runs one step of the user and prints its duration.
step() {
  local name=$1 start=$SECONDS
  shift
  "$@"
  steps=$((steps + 1))
  echo "QUICKSTART $name $((SECONDS - start))"
}

# The `cargo add` line of the README, with `salver` from this checkout.
add() {
  local line
  line=$(grep -m1 '^cargo add ' "$root/README.md")
  [ "$line" = 'cargo add actix-web salver' ] || { echo "unexpected line in README: $line" >&2; exit 1; }
  cargo add --quiet actix-web
  cargo add --quiet --path "$root" salver
}

# Copies the first code block of the README.
paste() {
  sed -n '/^```rust,no_run$/,/^```$/p' "$root/README.md" | sed '/^```/d' >src/main.rs
  [ -s src/main.rs ] || { echo 'README has no code block' >&2; exit 1; }
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
  echo 'the site does not respond' >&2
  exit 1
}

# Submits the form and follows the redirect to the page, as a browser does.
submit() {
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
step 'submit-the-form' submit
step 'reload' reload
echo "QUICKSTART steps=$steps seconds=$((SECONDS - started)), most of them in the compiler"
