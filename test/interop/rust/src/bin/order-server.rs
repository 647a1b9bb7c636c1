//! The service of the benches on tonic, one thread. Prints "listening PORT". With CERT_FILE and KEY_FILE in the
//! environment over TLS; with CA_FILE its clients need a certificate of that authority.
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

mod order {
    tonic::include_proto!("_");
}

use order::order_server::{Order, OrderServer};
use order::{MakeOrderRequest, MakeOrderResponse};

struct Orders;

#[tonic::async_trait]
impl Order for Orders {
    async fn make_order(&self, _: Request<MakeOrderRequest>) -> Result<Response<MakeOrderResponse>, Status> {
        Ok(Response::new(MakeOrderResponse {
            ret_code: 0,
            res_info: String::new(),
            order_id: "20230514".into(),
        }))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?.with_nodelay(Some(true));
    println!("listening {}", incoming.local_addr()?.port());
    let mut server = Server::builder();
    if let (Ok(cert), Ok(key)) = (std::env::var("CERT_FILE"), std::env::var("KEY_FILE")) {
        let identity = Identity::from_pem(std::fs::read(cert)?, std::fs::read(key)?);
        let mut tls = ServerTlsConfig::new().identity(identity);
        if let Ok(ca) = std::env::var("CA_FILE") {
            tls = tls.client_ca_root(Certificate::from_pem(std::fs::read(ca)?));
        }
        server = server.tls_config(tls)?;
    }
    server
        .add_service(OrderServer::new(Orders))
        .serve_with_incoming(incoming)
        .await?;
    Ok(())
}
