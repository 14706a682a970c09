use std::net::SocketAddr;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::infer::adapters::AdapterLimits;
use crate::infer::scheduler::Limits;
use crate::infer::server::{ServerError, serve};
use crate::infer::testing::{self, config, engine, tokenizer, write_adapter};

mod admin;
mod generating;
mod refusing;

/// A server with the small random model on loopback.
struct Server {
    public: String,
    admin: String,
    client: Client,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), ServerError>>,
}

impl Server {
    async fn start() -> Self {
        Self::of(engine(Limits { sequences: 16, prompt_tokens: 64 }, 100)).await
    }

    async fn of(engine: Engine) -> Self {
        let names = ("tiny".to_owned(), "file:///models/tiny".to_owned());
        let model = ServedModel::new(names, (config(), tokenizer()), 512, 1_700_000_000);
        let adapters = Adapters::new(engine.clone(), "tiny".to_owned(), config(), AdapterLimits { count: 2, rank: 8 });
        let app = Arc::new(App::new(model, adapters, engine));
        let public = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let admin = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let urls = [&public, &admin].map(|listener| format!("http://{}", listener.local_addr().unwrap()));
        let [public_url, admin_url] = urls;
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(app, public, admin, async { stopped.await.unwrap_or_default() }));
        Self { public: public_url, admin: admin_url, client: Client::new(), stop, served }
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let response = self.client.post(format!("{}{path}", self.public)).json(body).send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    /// A completion that succeeds.
    async fn complete(&self, body: Value) -> Value {
        let (status, answer) = self.post("/v1/completions", &body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// The chunks of a stream, without the final `[DONE]`.
    async fn stream(&self, path: &str, body: &Value) -> Vec<Value> {
        let response = self.client.post(format!("{}{path}", self.public)).json(body).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let text = response.text().await.unwrap();
        let mut data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        assert_eq!(data.pop(), Some("[DONE]"));
        data.into_iter().map(|data| serde_json::from_str(data).unwrap()).collect()
    }

    async fn administer(&self, path: &str, body: &Value) -> (StatusCode, String) {
        let response = self.client.post(format!("{}{path}", self.admin)).json(body).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let response = self.client.get(format!("{}{path}", self.public)).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }
}

#[tokio::test]
async fn probes_models_and_metrics_are_served() {
    let server = Server::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.get(path).await, (StatusCode::OK, "ok".to_owned()));
    }
    let models: Value = serde_json::from_str(&server.get("/v1/models").await.1).unwrap();
    assert_eq!(models["object"], "list");
    assert_eq!(models["data"][0]["id"], "tiny");
    assert_eq!(models["data"][0]["root"], "file:///models/tiny");
    assert_eq!(models["data"][0]["max_model_len"], 96);
    server.complete(json!({ "model": "tiny", "prompt": "def", "max_tokens": 3, "ignore_eos": true })).await;
    let (_, metrics) = server.get("/metrics").await;
    for line in [
        "vllm:generation_tokens_total{model_name=\"tiny\"} 3",
        "vllm:num_requests_waiting{model_name=\"tiny\"} 0",
        "vllm:request_success_total{model_name=\"tiny\",finished_reason=\"length\"} 1",
        "vllm:lora_requests_info{model_name=\"tiny\",max_lora=\"2\"",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn running_requests_are_finished_when_the_server_stops() {
    let Server { public, client, stop, served, .. } = Server::start().await;
    let body = json!({ "prompt": "def solve", "max_tokens": 80, "ignore_eos": true, "stream": true });
    let mut response = client.post(format!("{public}/v1/completions")).json(&body).send().await.unwrap();
    let mut text = String::from_utf8(response.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    stop.send(()).unwrap();
    text.push_str(&response.text().await.unwrap());
    assert!(text.contains("\"finish_reason\":\"length\""), "{text}");
    assert!(text.trim_end().ends_with("[DONE]"));
    served.await.unwrap().unwrap();
}
