//! The service of grpc's interoperability tests on tonic, with reflection. Prints "listening PORT". Requests may be compressed by gzip, and answers are
//! where the client takes them; it does not tell of compression, and a success of tonic has no trailing metadata.
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_reflection::server::Builder;

mod testing {
    tonic::include_proto!("grpc.testing");
}

use testing::test_service_server::{TestService, TestServiceServer};
use testing::*;

type Answers = ReceiverStream<Result<StreamingOutputCallResponse, Status>>;

const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/testing.bin"));
const ECHOED: &str = "x-grpc-test-echo-initial";

struct Tests;

fn zeroes(bytes: i32) -> Option<Payload> {
    Some(Payload { r#type: PayloadType::Compressable as i32, body: vec![0; bytes as usize] })
}

fn echoed<T>(metadata: &MetadataMap, message: T) -> Response<T> {
    let mut response = Response::new(message);
    if let Some(value) = metadata.get(ECHOED) {
        response.metadata_mut().insert(ECHOED, value.clone());
    }
    response
}

fn as_asked(status: Option<&EchoStatus>) -> Result<(), Status> {
    match status {
        Some(status) if status.code != 0 => Err(Status::new(Code::from(status.code), &status.message)),
        _ => Ok(()),
    }
}

/// False: nobody listens any more.
async fn answer(
    request: StreamingOutputCallRequest,
    answers: &mpsc::Sender<Result<StreamingOutputCallResponse, Status>>,
) -> bool {
    if let Err(status) = as_asked(request.response_status.as_ref()) {
        let _ = answers.send(Err(status)).await;
        return false;
    }
    for parameters in request.response_parameters {
        if parameters.interval_us > 0 {
            tokio::time::sleep(Duration::from_micros(parameters.interval_us as u64)).await;
        }
        let message = StreamingOutputCallResponse { payload: zeroes(parameters.size) };
        if answers.send(Ok(message)).await.is_err() {
            return false;
        }
    }
    true
}

async fn answer_each(
    mut requests: Streaming<StreamingOutputCallRequest>,
    answers: mpsc::Sender<Result<StreamingOutputCallResponse, Status>>,
) {
    while let Some(request) = requests.next().await {
        let goes_on = match request {
            Ok(request) => answer(request, &answers).await,
            Err(status) => {
                let _ = answers.send(Err(status)).await;
                false
            }
        };
        if !goes_on {
            return;
        }
    }
}

#[tonic::async_trait]
impl TestService for Tests {
    type StreamingOutputCallStream = Answers;
    type FullDuplexCallStream = Answers;
    type HalfDuplexCallStream = Answers;

    async fn empty_call(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        Ok(Response::new(Empty {}))
    }

    async fn unary_call(&self, request: Request<SimpleRequest>) -> Result<Response<SimpleResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        as_asked(request.response_status.as_ref())?;
        let payload = zeroes(request.response_size);
        Ok(echoed(&metadata, SimpleResponse { payload, ..Default::default() }))
    }

    async fn cacheable_unary_call(&self, request: Request<SimpleRequest>) -> Result<Response<SimpleResponse>, Status> {
        self.unary_call(request).await
    }

    async fn streaming_output_call(
        &self,
        request: Request<StreamingOutputCallRequest>,
    ) -> Result<Response<Self::StreamingOutputCallStream>, Status> {
        let (metadata, _, request) = request.into_parts();
        let (answers, stream) = mpsc::channel(1);
        tokio::spawn(async move { answer(request, &answers).await });
        Ok(echoed(&metadata, ReceiverStream::new(stream)))
    }

    async fn streaming_input_call(
        &self,
        request: Request<Streaming<StreamingInputCallRequest>>,
    ) -> Result<Response<StreamingInputCallResponse>, Status> {
        let mut requests = request.into_inner();
        let mut size = 0;
        while let Some(request) = requests.message().await? {
            size += request.payload.map_or(0, |payload| payload.body.len());
        }
        Ok(Response::new(StreamingInputCallResponse { aggregated_payload_size: size as i32 }))
    }

    async fn full_duplex_call(
        &self,
        request: Request<Streaming<StreamingOutputCallRequest>>,
    ) -> Result<Response<Self::FullDuplexCallStream>, Status> {
        let (metadata, _, requests) = request.into_parts();
        let (answers, stream) = mpsc::channel(1);
        tokio::spawn(answer_each(requests, answers));
        Ok(echoed(&metadata, ReceiverStream::new(stream)))
    }

    async fn half_duplex_call(
        &self,
        _: Request<Streaming<StreamingOutputCallRequest>>,
    ) -> Result<Response<Self::HalfDuplexCallStream>, Status> {
        Err(Status::unimplemented("of no case"))
    }

    async fn unimplemented_call(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        Err(Status::unimplemented("by no server"))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?.with_nodelay(Some(true));
    println!("listening {}", incoming.local_addr()?.port());
    let tests = TestServiceServer::new(Tests)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip);
    let described = || Builder::configure().register_encoded_file_descriptor_set(DESCRIPTORS);
    Server::builder()
        .add_service(tests)
        .add_service(described().build_v1()?)
        .add_service(described().build_v1alpha()?)
        .serve_with_incoming(incoming).await?;
    Ok(())
}
