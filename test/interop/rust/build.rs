//! Makes Rust of the .proto files; needs protoc.
use std::io::Result;

fn main() -> Result<()> {
    tonic_prost_build::configure().compile_protos(&["../../../proto/order.proto"], &["../../../proto"])?;
    tonic_prost_build::configure()
        .build_server(false)
        .compile_protos(&["../protos/grpc/testing/test.proto"], &["../protos"])
}
