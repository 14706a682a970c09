//! A client of the Kubernetes API that outlives its server: what is only read is asked for again.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use tower::{BoxError, Service};

/// How often a question is asked, and how long between.
const ATTEMPTS: u32 = 60;
const PAUSE: Duration = Duration::from_millis(500);

/// The same client, which asks again where the connection breaks.
pub(super) fn patient(client: Client) -> Client {
    let namespace = client.default_namespace().to_owned();
    Client::new(Patient(client), namespace)
}

#[derive(Clone)]
struct Patient(Client);

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

impl Service<Request<Body>> for Patient {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let client = self.0.clone();
        Box::pin(async move {
            // A write may have been done although nobody heard of it.
            if request.method() != Method::GET {
                return Ok(client.send(request).await?);
            }
            let (parts, _) = request.into_parts();
            let ask = || client.send(Request::from_parts(parts.clone(), Body::empty()));
            for _ in 1..ATTEMPTS {
                match ask().await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => tracing::debug!(%error, "The API server does not answer."),
                }
                tokio::time::sleep(PAUSE).await;
            }
            Ok(ask().await?)
        })
    }
}
