#!/usr/bin/env bash
# Prepares a Debian 12 machine with Node.js: system packages (only those that are missing), npm packages, the native
# addon and the JavaScript. Quick when nothing is missing; safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  g++ cmake ninja-build make python3 libasio-dev  # the core and the addon
  libgtest-dev                                    # native tests
  libnghttp2-dev                                  # the referee of native/core/h2: tests and fuzzing only
  libssl-dev zlib1g-dev                           # headers; native tests link them, what is shipped uses those of Node.js
  libspdlog-dev                                   # bench:log measures against it
  clang-19 libclang-rt-19-dev                     # libFuzzer
  clang-format-14                                 # npm run format
  etcd-server openssl                             # discovery tests
  iproute2                                        # tests of a network that loses packets
  nghttp2-client nghttp2-server linux-perf        # bench:compare (h2load, nghttpd); flamegraphs
)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  echo "setup: installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  # etcd is started by the tests themselves, on ports of their own; the package must not start one.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

node -e 'const [a, b] = process.versions.node.split(".").map(Number);
if (a < 20 || (a === 20 && b < 19)) { console.error(`setup: Node.js 20.19 or newer is needed, this is ${process.version}`); process.exit(1) }'

# npm ci starts from nothing, so it runs only when the lock file has changed since it last did.
stamp=node_modules/.package-lock.sha256
want=$(sha256sum package-lock.json package.json | sha256sum)
if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$want" ]; then
  npm ci --ignore-scripts --no-audit --no-fund
  echo "$want" >"$stamp"
fi

npm run --silent build
ln -sf build/compile_commands.json compile_commands.json
echo "setup: done"
