//! Makes Rust of the .proto files; needs protoc.
use std::env;
use std::io::{Error, Result};
use std::path::PathBuf;

fn main() -> Result<()> {
    tonic_prost_build::configure().compile_protos(&["../../../proto/order.proto"], &["../../../proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR").map_err(Error::other)?);
    tonic_prost_build::configure()
        .file_descriptor_set_path(out.join("testing.bin"))
        .compile_protos(&["../protos/grpc/testing/test.proto"], &["../protos"])
}
