#!/usr/bin/env bash
# Installs the gRPC peers of test/interop and of the benches under build/peers:
# `setup-peers.sh [go|python|rust|cpp|java]...`, by default all. Versions and checksums are pinned by go.sum,
# requirements.txt, Cargo.lock and jars.sha256 in test/interop. Nothing of it is needed to use or to build the package.
# Quick when nothing has changed; safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."

parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(go python rust cpp java)
for part in "${parts[@]}"; do
  case $part in
    go | python | rust | cpp | java) ;;
    *) echo "setup-peers: no part is called $part: go, python, rust, cpp, java" >&2; exit 2 ;;
  esac
done

root=$PWD
peers=$root/build/peers
interop=$root/test/interop
mkdir -p "$peers/bin" "$peers/share" "$peers/stamps"
failed=()

packages=(
  curl nghttp2-client nginx-light haproxy caddy                        # clients and proxies
  protobuf-compiler protobuf-compiler-grpc                             # code from .proto files
  g++ pkg-config libgrpc++-dev libprotobuf-dev                         # the server on grpc++
  python3-venv                                                         # clients on grpcio
  default-jre-headless maven unzip                                     # grpc-java's client and server
)

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)

allow_services() {
  "${as_root[@]}" rm -f /usr/sbin/policy-rc.d
}

# nginx, HAProxy and Caddy are started by the tests themselves, on ports of their own; the packages must start none.
forbid_services() {
  [ ! -e /usr/sbin/policy-rc.d ] || return 0
  trap allow_services EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee /usr/sbin/policy-rc.d >/dev/null
  "${as_root[@]}" chmod +x /usr/sbin/policy-rc.d
}

install_packages() {
  local missing=() package started=$SECONDS
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  forbid_services
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  echo "setup-peers: installed ${missing[*]} ($((SECONDS - started)) s)"
}

# needs COMMAND WHAT: false, and says so, when the command is not there.
needs() {
  command -v "$1" >/dev/null && return 0
  echo "setup-peers: $1 is missing: install $2" >&2
  return 1
}

# Messages of the interop tests as Python reads them.
make_descriptors() {
  protoc -I "$interop/protos" --include_imports --descriptor_set_out="$peers/share/testing.binpb" grpc/testing/test.proto
}

go_inputs=(test/interop/go/{go.mod,go.sum,order-server,order-client,stream-load,handshake-load,troubled-server} proto/order.proto bench/proto/feed.proto)
build_go() {
  needs go 'Go 1.26 or newer' || return 1
  local plugins=$peers/protoc-gen
  build() (cd "$interop/go" && go build -buildvcs=false -trimpath -ldflags '-s -w' "$@")
  mkdir -p "$plugins"
  build -o "$plugins/" google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
  local file name
  for file in proto/order.proto bench/proto/feed.proto; do
    name=$(basename "$file" .proto)
    local made=$interop/go/$name options=paths=source_relative,M$name.proto=rocket-rpc/interop/$name
    mkdir -p "$made"
    protoc -I "$(dirname "$file")" --plugin="$plugins/protoc-gen-go" --plugin="$plugins/protoc-gen-go-grpc" \
      --go_out="$made" --go_opt="$options" --go-grpc_out="$made" --go-grpc_opt="$options" "$name.proto"
  done
  build -o "$peers/bin/grpc-go-client" google.golang.org/grpc/interop/client
  build -o "$peers/bin/grpc-go-server" google.golang.org/grpc/interop/server
  build -o "$peers/bin/grpc-go-order-server" ./order-server
  build -o "$peers/bin/grpc-go-order-client" ./order-client
  build -o "$peers/bin/grpc-stream-load" ./stream-load
  build -o "$peers/bin/tls-handshake-load" ./handshake-load
  build -o "$peers/bin/troubled-server" ./troubled-server
  build -o "$peers/bin/h2spec" github.com/summerwind/h2spec/cmd/h2spec
  build -o "$peers/bin/grpcurl" github.com/fullstorydev/grpcurl/cmd/grpcurl
  build -o "$peers/bin/ghz" github.com/bojand/ghz/cmd/ghz
}

python_inputs=(test/interop/python/requirements.txt)
build_python() {
  needs python3 'Python 3.10 or newer' || return 1
  rm -rf "$peers/python"
  python3 -m venv "$peers/python"
  "$peers/python/bin/pip" install --quiet --require-hashes --only-binary :all: -r "$interop/python/requirements.txt"
}

rust_inputs=(test/interop/rust test/interop/protos proto/order.proto)
build_rust() {
  needs cargo 'Rust 1.88 or newer' || return 1
  (cd "$interop/rust" && CARGO_TARGET_DIR=$peers/rust cargo build --quiet --release --locked)
  install -s "$peers/rust/release/order-server" "$peers/bin/tonic-order-server"
  install -s "$peers/rust/release/test-client" "$peers/bin/tonic-test-client"
  install -s "$peers/rust/release/test-server" "$peers/bin/tonic-test-server"
}

cpp_inputs=(test/interop/cpp proto/order.proto)
build_cpp() {
  local made=$peers/cpp
  mkdir -p "$made"
  protoc -I proto --cpp_out="$made" --grpc_out="$made" --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" order.proto
  read -ra flags < <(pkg-config --cflags --libs grpc++ protobuf)
  g++ -std=c++20 -O2 -I "$made" "$interop/cpp/order_server.cc" "$made/order.pb.cc" "$made/order.grpc.pb.cc" \
    -o "$peers/bin/grpc-cpp-order-server" "${flags[@]}"
}

# interop_program NAME MAIN_CLASS: a command that runs it.
interop_program() {
  printf '#!/bin/sh\nexec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "%s/*" %s "$@"\n' "$peers/java" \
    "io.grpc.testing.integration.$2" >"$peers/bin/$1"
  chmod +x "$peers/bin/$1"
}

java_inputs=(test/interop/java)
build_java() {
  needs java 'Java 17 or newer' || return 1
  needs mvn Maven || return 1
  rm -rf "$peers/java" "$peers/java-certs"
  mvn --quiet --batch-mode --file "$interop/java/pom.xml" dependency:copy-dependencies -DoutputDirectory="$peers/java" \
    -DexcludeClassifiers=osx-x86_64,osx-aarch_64,windows-x86_64
  # Every jar that is there, and no other.
  (cd "$peers/java" && find . -name '*.jar' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | diff -u "$interop/java/jars.sha256" -)
  # The test certificates that its client and server know.
  unzip -q -j "$peers"/java/grpc-testing-[0-9]*.jar certs/ca.pem certs/server1.pem certs/server1.key -d "$peers/java-certs"
  interop_program grpc-java-client TestServiceClient
  interop_program grpc-java-server TestServiceServer
}

# What a part is made from, as one line.
inputs_of() {
  local -n inputs=$1_inputs
  find scripts/setup-peers.sh "${inputs[@]}" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum
}

# Bash ignores `set -e` in a function that is asked for its result, so each part runs in a shell of its own.
make_part() {
  local part=$1 stamp=$peers/stamps/$1 want started=$SECONDS
  want=$(inputs_of "$part")
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then
    echo "setup-peers: $part is up to date"
    return
  fi
  rm -f "$stamp"
  set +e
  (set -e; "build_$part")
  local result=$?
  set -e
  if [ $result -eq 0 ]; then
    echo "$want" >"$stamp"
    echo "setup-peers: $part built ($((SECONDS - started)) s)"
  else
    failed+=("$part")
  fi
}

install_packages
make_descriptors
for part in "${parts[@]}"; do make_part "$part"; done

if [ ${#failed[@]} -gt 0 ]; then
  echo "setup-peers: not there: ${failed[*]}" >&2
  exit 1
fi
echo "setup-peers: done"
