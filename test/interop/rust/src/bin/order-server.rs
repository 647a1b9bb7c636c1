//! The service of the benches on tonic, one thread. Prints "listening PORT".
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
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
    Server::builder()
        .add_service(OrderServer::new(Orders))
        .serve_with_incoming(incoming)
        .await?;
    Ok(())
}
