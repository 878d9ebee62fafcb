#!/usr/bin/env bash
# Installs what lint and tests need: programs by the system's package manager; redis-py, rfc8785, schemathesis, mypy,
# typos, aiosmtpd, Flask, standardwebhooks and cloudevents into target/venv; axe-core, htmx, Turbo, Unpoly, jQuery, Bootstrap, Tailwind,
# node-redis, canonicalize, standardwebhooks and cloudevents into target/npm. What is there stays as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
# Debian installs nginx into a directory that is on the path of root alone.
export PATH="$PATH:/usr/sbin"

# Installs a Debian package, or reports that it is missing.
install() {
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    mkdir -p target
    [ -e target/.apt-updated ] || { apt-get update -qq && touch target/.apt-updated; }
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$1" >/dev/null
  else
    echo "tests/setup.sh needs $1: install it, on Debian by 'sudo apt-get install $1'" >&2
    exit 1
  fi
}

need() {
  command -v "$1" >/dev/null || install "$2"
}

# For a package without a command: looks for one of its files.
need_file() {
  compgen -G "$1" >/dev/null || install "$2"
}

need redis-server redis-server
need redis-cli redis-tools
need openssl openssl
need_file '/usr/lib/*/faketime/libfaketimeMT.so.1' libfaketime
need chromium chromium
need chromedriver chromium-driver
need nginx nginx-light
need nutcracker nutcracker
need valgrind valgrind
need prlimit util-linux
need script bsdutils
need curl curl
need npm npm
need python3 python3
if [ ! -x target/venv/bin/python ] || ! target/venv/bin/python -c 'import redis, rfc8785, schemathesis, mypy, aiosmtpd, flask, standardwebhooks, cloudevents' 2>/dev/null || [ ! -x target/venv/bin/typos ]; then
  mkdir -p target
  python3 -m venv target/venv 2>/dev/null || { install python3-venv && python3 -m venv target/venv; }
  target/venv/bin/pip install --quiet --disable-pip-version-check redis rfc8785 'schemathesis==4.*' mypy 'typos==1.*' 'aiosmtpd==1.*' \
    'flask==3.*' 'standardwebhooks==1.*' 'cloudevents==1.*'
fi
for package in axe-core@4 htmx2@npm:htmx.org@2 htmx4@npm:htmx.org@4 idiomorph@0.8 @hotwired/turbo@8 unpoly@3 jquery@3 bootstrap@5 @tailwindcss/browser@4 redis@5 canonicalize@4 standardwebhooks@1 cloudevents@10; do
  [ -e "target/npm/node_modules/${package%%@[0-9n]*}" ] || npm install --silent --no-fund --no-audit --prefix target/npm "$package" >/dev/null
done
