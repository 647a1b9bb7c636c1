//! Cases of grpc's interoperability tests by a tonic client: `test-client PORT CASE...` prints "CASE ok" for each. With
//! CA_FILE in the environment they go over TLS to localhost, and with CERT_FILE and KEY_FILE it shows who it is.
use std::error::Error;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataValue;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Status};

mod testing {
    tonic::include_proto!("grpc.testing");
}

use testing::test_service_client::TestServiceClient;
use testing::unimplemented_service_client::UnimplementedServiceClient;
use testing::*;

type Client = TestServiceClient<Channel>;
type Outcome = Result<(), Box<dyn Error>>;

const LARGE_REQUEST: usize = 271_828;
const LARGE_RESPONSE: i32 = 314_159;
const REQUESTS: [usize; 4] = [27_182, 8, 1_828, 45_904];
const RESPONSES: [i32; 4] = [31_415, 9, 2_653, 58_979];
const LONGEST: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let mut args = std::env::args().skip(1);
    let port = args.next().ok_or("usage: test-client PORT CASE...")?;
    let channel = endpoint(&port)?.connect().await?;
    for case in args {
        tokio::time::timeout(LONGEST, run(&case, channel.clone()))
            .await
            .map_err(|_| format!("{case}: no answer in {} s", LONGEST.as_secs()))?
            .map_err(|error| format!("{case}: {error}"))?;
        println!("{case} ok");
    }
    Ok(())
}

fn endpoint(port: &str) -> Result<Endpoint, Box<dyn Error>> {
    let Ok(ca) = std::env::var("CA_FILE") else {
        return Ok(Channel::from_shared(format!("http://127.0.0.1:{port}"))?);
    };
    let authority = Certificate::from_pem(std::fs::read(ca)?);
    let mut tls = ClientTlsConfig::new().ca_certificate(authority).domain_name("localhost");
    if let (Ok(cert), Ok(key)) = (std::env::var("CERT_FILE"), std::env::var("KEY_FILE")) {
        tls = tls.identity(Identity::from_pem(std::fs::read(cert)?, std::fs::read(key)?));
    }
    Ok(Channel::from_shared(format!("https://127.0.0.1:{port}"))?.tls_config(tls)?)
}

async fn run(case: &str, channel: Channel) -> Outcome {
    let mut client = TestServiceClient::new(channel.clone());
    match case {
        "empty_unary" => {
            client.empty_call(Empty {}).await?;
            Ok(())
        }
        "large_unary" => large_unary(client).await,
        "client_compressed_unary" => client_compressed_unary(client).await,
        "server_compressed_unary" => server_compressed_unary(client).await,
        "client_streaming" => client_streaming(client).await,
        "server_streaming" => server_streaming(client).await,
        "ping_pong" => ping_pong(client).await,
        "empty_stream" => empty_stream(client).await,
        "custom_metadata" => custom_metadata(client).await,
        "status_code_and_message" => status(client, "test status message").await,
        "special_status_message" => {
            status(client, "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n").await
        }
        "unimplemented_method" => expect(client.unimplemented_call(Empty {}).await, Code::Unimplemented),
        "unimplemented_service" => {
            let mut other = UnimplementedServiceClient::new(channel);
            expect(other.unimplemented_call(Empty {}).await, Code::Unimplemented)
        }
        "cancel_after_first_response" => cancel_after_first_response(client).await,
        "timeout_on_sleeping_server" => timeout_on_sleeping_server(client).await,
        "concurrent_large_unary" => concurrent_large_unary(client).await,
        other => Err(format!("no such case: {other}").into()),
    }
}

fn zeroes(bytes: usize) -> Option<Payload> {
    Some(Payload { r#type: PayloadType::Compressable as i32, body: vec![0; bytes] })
}

fn large() -> SimpleRequest {
    SimpleRequest {
        response_size: LARGE_RESPONSE,
        payload: zeroes(LARGE_REQUEST),
        ..Default::default()
    }
}

fn asking_for(size: i32, payload: usize) -> StreamingOutputCallRequest {
    StreamingOutputCallRequest {
        response_parameters: vec![ResponseParameters { size, ..Default::default() }],
        payload: zeroes(payload),
        ..Default::default()
    }
}

fn expect<T>(result: Result<T, Status>, code: Code) -> Outcome {
    match result {
        Err(status) if status.code() == code => Ok(()),
        Err(status) => Err(format!("{code:?} expected, not {status}").into()),
        Ok(_) => Err(format!("{code:?} expected, not a response").into()),
    }
}

fn sized(payload: Option<Payload>, bytes: i32) -> Outcome {
    let body = payload.ok_or("no payload")?.body;
    if body.len() == bytes as usize && body.iter().all(|byte| *byte == 0) {
        return Ok(());
    }
    Err(format!("{bytes} zeroes expected, not {} bytes", body.len()).into())
}

async fn large_unary(mut client: Client) -> Outcome {
    sized(client.unary_call(large()).await?.into_inner().payload, LARGE_RESPONSE)
}

async fn client_compressed_unary(client: Client) -> Outcome {
    let request = |compressed| SimpleRequest {
        expect_compressed: Some(BoolValue { value: compressed }),
        ..large()
    };
    let mut plain = client.clone();
    let mut gzip = client.send_compressed(CompressionEncoding::Gzip);
    expect(plain.unary_call(request(true)).await, Code::InvalidArgument)?;
    sized(gzip.unary_call(request(true)).await?.into_inner().payload, LARGE_RESPONSE)?;
    sized(plain.unary_call(request(false)).await?.into_inner().payload, LARGE_RESPONSE)
}

/// tonic does not show whether a message came compressed, but the encoding that the answer names.
async fn server_compressed_unary(client: Client) -> Outcome {
    let mut client = client.accept_compressed(CompressionEncoding::Gzip);
    let response_compressed = Some(BoolValue { value: true });
    let response = client.unary_call(SimpleRequest { response_compressed, ..large() }).await?;
    if response.metadata().get("grpc-encoding").is_none_or(|name| name != "gzip") {
        return Err("the response names no gzip".into());
    }
    sized(response.into_inner().payload, LARGE_RESPONSE)
}

async fn client_streaming(mut client: Client) -> Outcome {
    let requests = REQUESTS.map(|bytes| StreamingInputCallRequest {
        payload: zeroes(bytes),
        ..Default::default()
    });
    let response = client.streaming_input_call(tokio_stream::iter(requests)).await?.into_inner();
    let sum: usize = REQUESTS.iter().sum();
    if response.aggregated_payload_size as usize != sum {
        return Err(format!("{sum} expected, not {}", response.aggregated_payload_size).into());
    }
    Ok(())
}

async fn server_streaming(mut client: Client) -> Outcome {
    let response_parameters =
        RESPONSES.map(|size| ResponseParameters { size, ..Default::default() }).to_vec();
    let request = StreamingOutputCallRequest { response_parameters, ..Default::default() };
    let mut responses = client.streaming_output_call(request).await?.into_inner();
    for size in RESPONSES {
        sized(responses.next().await.ok_or("ended early")??.payload, size)?;
    }
    ended(responses.next().await)
}

async fn ping_pong(mut client: Client) -> Outcome {
    let (requests, outgoing) = mpsc::channel(1);
    requests.send(asking_for(RESPONSES[0], REQUESTS[0])).await?;
    let mut responses = client.full_duplex_call(ReceiverStream::new(outgoing)).await?.into_inner();
    for turn in 0..RESPONSES.len() {
        sized(responses.next().await.ok_or("ended early")??.payload, RESPONSES[turn])?;
        if turn + 1 < RESPONSES.len() {
            requests.send(asking_for(RESPONSES[turn + 1], REQUESTS[turn + 1])).await?;
        }
    }
    drop(requests);
    ended(responses.next().await)
}

async fn empty_stream(mut client: Client) -> Outcome {
    let mut responses = client.full_duplex_call(tokio_stream::empty()).await?.into_inner();
    ended(responses.next().await)
}

fn ended<T>(next: Option<Result<T, Status>>) -> Outcome {
    match next {
        None => Ok(()),
        Some(Ok(_)) => Err("a response too many".into()),
        Some(Err(status)) => Err(status.into()),
    }
}

async fn custom_metadata(mut client: Client) -> Outcome {
    const INITIAL: &str = "x-grpc-test-echo-initial";
    const TRAILING: &str = "x-grpc-test-echo-trailing-bin";
    let bytes = [0xab, 0xab, 0xab];
    let mut request = Request::new(tokio_stream::once(asking_for(1, 1)));
    request.metadata_mut().insert(INITIAL, MetadataValue::from_static("test_initial_metadata_value"));
    request.metadata_mut().insert_bin(TRAILING, MetadataValue::from_bytes(&bytes));
    let response = client.full_duplex_call(request).await?;
    if response.metadata().get(INITIAL).is_none_or(|value| value != "test_initial_metadata_value") {
        return Err("the initial metadata did not come back".into());
    }
    let mut responses = response.into_inner();
    sized(responses.message().await?.ok_or("ended early")?.payload, 1)?;
    let trailers = responses.trailers().await?.ok_or("no trailers")?;
    let trailing = trailers.get_bin(TRAILING).ok_or("the trailing metadata did not come back")?;
    if trailing.to_bytes()? != bytes[..] {
        return Err(format!("other trailing metadata came back: {trailing:?}").into());
    }
    Ok(())
}

async fn status(mut client: Client, message: &str) -> Outcome {
    let response_status = Some(EchoStatus { code: 2, message: message.into() });
    let request = SimpleRequest { response_status: response_status.clone(), ..Default::default() };
    unknown_with(client.unary_call(request).await, message)?;
    let request = StreamingOutputCallRequest { response_status, ..Default::default() };
    let answer = match client.full_duplex_call(tokio_stream::once(request)).await {
        Ok(response) => response.into_inner().next().await.ok_or("ended without a status")?.map(|_| ()),
        Err(status) => Err(status),
    };
    unknown_with(answer, message)
}

fn unknown_with<T>(result: Result<T, Status>, message: &str) -> Outcome {
    match result {
        Err(status) if status.code() == Code::Unknown && status.message() == message => Ok(()),
        Err(status) => Err(format!("UNKNOWN with {message:?} expected, not {status:?}").into()),
        Ok(_) => Err("UNKNOWN expected, not a response".into()),
    }
}

async fn cancel_after_first_response(mut client: Client) -> Outcome {
    let (requests, outgoing) = mpsc::channel(1);
    requests.send(asking_for(RESPONSES[0], REQUESTS[0])).await?;
    let mut responses = client.full_duplex_call(ReceiverStream::new(outgoing)).await?.into_inner();
    sized(responses.next().await.ok_or("ended early")??.payload, RESPONSES[0])?;
    drop(responses);
    drop(requests);
    // The connection is as good as before.
    client.empty_call(Empty {}).await?;
    Ok(())
}

async fn timeout_on_sleeping_server(mut client: Client) -> Outcome {
    let (requests, outgoing) = mpsc::channel(1);
    requests.send(StreamingOutputCallRequest { payload: zeroes(27_182), ..Default::default() }).await?;
    let mut request = Request::new(ReceiverStream::new(outgoing));
    request.set_timeout(Duration::from_millis(1));
    let answer = match client.full_duplex_call(request).await {
        Ok(response) => response.into_inner().next().await.ok_or("ended without a status")?.map(|_| ()),
        Err(status) => Err(status),
    };
    match answer {
        // tonic's own timer says CANCELLED.
        Err(status) if matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled) => Ok(()),
        other => Err(format!("DEADLINE_EXCEEDED expected, not {other:?}").into()),
    }
}

async fn concurrent_large_unary(client: Client) -> Outcome {
    let calls: Vec<_> = (0..100).map(|_| tokio::spawn(unary_of_task(client.clone()))).collect();
    for call in calls {
        call.await??;
    }
    Ok(())
}

/// As large_unary, with an error that may cross tasks.
async fn unary_of_task(client: Client) -> Result<(), String> {
    large_unary(client).await.map_err(|error| error.to_string())
}
