//! The gateway and all inference servers, played over HTTP.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use genesis_api::names::{INFERENCE_ADMIN_PORT, INFERENCE_PORT};
use genesis_artifacts::Store;
use genesis_core::AdapterRef;
use genesis_core::adapter::{PROOF_FILE, Proof, ProofEntry};
use genesis_core::wire::{AppliedRoute, ArmStatistics, LearningSnapshot};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

/// log p with an adapter, and without.
const SCORES: ([f64; 2], [f64; 2]) = ([-0.5, -0.25], [-1.0, -1.0]);

/// The adapters of each pod: name and digest.
type Pods = Arc<Mutex<HashMap<IpAddr, BTreeMap<String, String>>>>;

/// The servers. They end with this value.
pub(super) struct Played {
    gateway: SocketAddr,
    _servers: JoinSet<std::io::Result<()>>,
}

impl Played {
    /// Starts them, and puts two adapters into the store that they can prove.
    pub(super) async fn start(store: &Store) -> Result<(Self, [AdapterRef; 2])> {
        let adapters = [adapter(store, "the champion")?, adapter(store, "the candidate")?];
        let mut servers = JoinSet::new();
        let gateway = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = gateway.local_addr()?;
        servers.spawn(async move { axum::serve(gateway, gateway_routes()).await });
        let pods = Pods::default();
        for port in [INFERENCE_PORT, INFERENCE_ADMIN_PORT] {
            let listener = on_loopback(port);
            let listener = listener.with_context(|| format!("inference servers are played on port {port}"))?;
            let routes = inference_routes(pods.clone());
            let service = routes.into_make_service_with_connect_info::<Asked>();
            servers.spawn(async move { axum::serve(listener, service).await });
        }
        Ok((Self { gateway: address, _servers: servers }, adapters))
    }

    /// Where the gateway is.
    pub(super) fn gateway_url(&self) -> String {
        format!("http://{}", self.gateway)
    }
}

/// Listens on every address of the loopback, and on no other: pods have such addresses, and each is told from the others
/// by the one it was asked at.
fn on_loopback(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind_device(Some(b"lo"))?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::UNSPECIFIED, port).into())?;
    socket.listen(1_024)
}

fn adapter(store: &Store, name: &str) -> Result<AdapterRef> {
    let entry = ProofEntry { text: name.into(), adapter: SCORES.0.to_vec(), base: SCORES.1.to_vec() };
    let proof = serde_json::to_vec(&Proof { entries: vec![entry] })?;
    Ok(store.put_adapter(&[(PROOF_FILE, &proof), ("adapter_config.json", b"{}")])?)
}

/// A gateway where too little is learned for a turn, and nothing is routed to a canary yet.
fn gateway_routes() -> Router {
    let learned = LearningSnapshot {
        total: 5_000,
        new: 10,
        watermark: 110,
        verified_rows: 400,
        quality_average: 0.95,
        quality_samples: 500,
        executions: 9_000,
    };
    let model = "/internal/v1/models/{namespace}/{name}";
    Router::new()
        .route(&format!("{model}/learning"), get(move || async move { Json(learned) }))
        .route(&format!("{model}/arms"), get(|| async { Json(Vec::<ArmStatistics>::new()) }))
        .route(&format!("{model}/{{record}}"), post(|| async { Json(json!({})) }))
        .route("/internal/v1/routes", get(|| async { Json(Vec::<AppliedRoute>::new()) }))
}

fn inference_routes(pods: Pods) -> Router {
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/load_lora_adapter", post(load))
        .route("/v1/unload_lora_adapter", post(unload))
        .route("/v1/completions", post(score))
        .with_state(pods)
}

/// The address at which a pod was asked.
#[derive(Clone, Copy, Debug)]
struct Asked(IpAddr);

impl axum::extract::connect_info::Connected<axum::serve::IncomingStream<'_, TcpListener>> for Asked {
    fn connect_info(stream: axum::serve::IncomingStream<'_, TcpListener>) -> Self {
        Self(stream.io().local_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip()))
    }
}

type ConnectInfo = axum::extract::ConnectInfo<Asked>;

async fn models(State(pods): State<Pods>, asked: ConnectInfo) -> Json<Value> {
    let adapters = lock(&pods).get(&asked.0.0).cloned().unwrap_or_default();
    let entry = |(name, digest)| json!({ "id": name, "parent": "base", "digest": digest });
    let data: Vec<Value> = std::iter::once(json!({ "id": "base" })).chain(adapters.into_iter().map(entry)).collect();
    Json(json!({ "data": data }))
}

async fn load(State(pods): State<Pods>, asked: ConnectInfo, Json(body): Json<Value>) -> StatusCode {
    let (Some(name), Some(digest)) = (body["lora_name"].as_str(), body["digest"].as_str()) else {
        return StatusCode::UNPROCESSABLE_ENTITY;
    };
    lock(&pods).entry(asked.0.0).or_default().insert(name.to_owned(), digest.to_owned());
    StatusCode::OK
}

async fn unload(State(pods): State<Pods>, asked: ConnectInfo, Json(body): Json<Value>) -> StatusCode {
    let name = body["lora_name"].as_str().unwrap_or_default();
    let gone = lock(&pods).get_mut(&asked.0.0).and_then(|adapters| adapters.remove(name));
    if gone.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND }
}

async fn score(State(pods): State<Pods>, asked: ConnectInfo, Json(body): Json<Value>) -> Json<Value> {
    let name = body["model"].as_str().unwrap_or_default();
    let loaded = lock(&pods).get(&asked.0.0).is_some_and(|adapters| adapters.contains_key(name));
    let [first, second] = if loaded { SCORES.0 } else { SCORES.1 };
    Json(json!({ "choices": [{ "logprobs": { "token_logprobs": [null, first, second] } }] }))
}

fn lock(pods: &Pods) -> MutexGuard<'_, HashMap<IpAddr, BTreeMap<String, String>>> {
    pods.lock().unwrap_or_else(PoisonError::into_inner)
}
