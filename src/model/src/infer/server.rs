//! Starting, serving and stopping.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::adapters::Adapters;
use super::engine::{Engine, EngineOptions};
use super::http::{self, App};
use super::kernel::KernelRunner;
use super::model::ServedModel;
use super::options::{ModelOptions, RunnerKind, ServeOptions, models_folders};
use super::runner::RunnerError;
use super::tensor_runner::TensorRunner;
use crate::backend::{Compute, Device};
use crate::decoder::Decoder;
use crate::tokenizer::{Tokenizer, TokenizerError};
use crate::weights::WeightsError;

/// Why the server cannot start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The model's address.
    #[error("cannot find the base model: {0}")]
    Location(#[from] genesis_artifacts::Error),
    /// The model's weights.
    #[error("cannot load the base model: {0}")]
    Weights(#[from] WeightsError),
    /// The model's tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The model's tensors.
    #[error(transparent)]
    Runner(#[from] RunnerError),
    /// A port is taken, or an address not ours.
    #[error("cannot listen on {address}: {source}. Choose another --host or port")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The engine's thread could not be started, or a listener failed.
    #[error("the server failed: {0}")]
    Io(#[from] std::io::Error),
}

/// Loads a model and starts its engine.
pub fn start(options: &ModelOptions, name: &str) -> Result<(ServedModel, Engine), ServerError> {
    let directory = genesis_artifacts::directory_of(&options.model, &models_folders())?;
    let decoder = Decoder::<Compute>::load(&directory, &Device::<Compute>::default())?;
    let tokenizer = Tokenizer::load(&directory)?;
    let created = jiff::Timestamp::now().as_second();
    let names = (name.to_owned(), options.model.clone());
    let model = ServedModel::new(names, (decoder.config.clone(), tokenizer), options.max_model_len, created);
    let engine = start_engine(options, &decoder, &model)?;
    Ok((model, engine))
}

/// Starts the engine of a loaded decoder.
pub fn start_engine(
    options: &ModelOptions,
    decoder: &Decoder<Compute>,
    model: &ServedModel,
) -> Result<Engine, ServerError> {
    let engine = EngineOptions {
        limits: options.limits(),
        queue: options.max_queue,
        end: decoder.config.eos.clone(),
        vocabulary: Arc::clone(&model.vocabulary),
    };
    Ok(match options.runner {
        RunnerKind::Kernel => Engine::start(KernelRunner::new(decoder, model.max_model_len, options.threads)?, engine)?,
        RunnerKind::Burn => Engine::start(TensorRunner::new(decoder.clone(), model.max_model_len), engine)?,
    })
}

/// Serves until `stop` completes, then finishes what was begun.
pub async fn run(options: ServeOptions, stop: impl Future<Output = ()>) -> Result<(), ServerError> {
    let (model, engine) = start(&options.model, &options.served_model_name)?;
    let adapters = Adapters::new(engine.clone(), model.name.clone(), model.config.clone(), options.adapter_limits());
    tracing::info!(model = options.model.model, parameters = model.config.parameters(), "base model loaded");
    let app = Arc::new(App::new(model, adapters, engine));
    let public = bind(SocketAddr::new(options.host, options.port)).await?;
    let admin = bind(SocketAddr::new(options.host, options.admin_port)).await?;
    tracing::info!(public = %public.local_addr()?, admin = %admin.local_addr()?, "serving");
    serve(app, public, admin, stop).await
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address).await.map_err(|source| ServerError::Bind { address, source })
}

/// Serves on two listeners until `stop` completes: then new requests are refused and running ones finished.
pub async fn serve(
    app: Arc<App>,
    public: TcpListener,
    admin: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let (stopping, stopped) = watch::channel(false);
    let listen = |listener: TcpListener, router: Router| {
        let mut stopped = stopped.clone();
        let stopped = async move {
            // An error means that the sender is gone, which is as good a reason to stop.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        axum::serve(listener, router).with_graceful_shutdown(stopped).into_future()
    };
    let serving = async {
        tokio::try_join!(listen(public, http::public(Arc::clone(&app))), listen(admin, http::admin(Arc::clone(&app))))
    };
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        served = &mut serving => {
            served?;
        }
        () = stop => {
            tracing::info!("stopping: running requests are finished, new ones refused");
            app.engine.drain();
            stopping.send_replace(true);
            serving.await?;
        }
    }
    Ok(())
}

/// Completes on SIGTERM or SIGINT.
pub async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(error) => {
            tracing::error!(%error, "SIGTERM cannot be caught: only Ctrl-C stops the server gracefully");
            // Without either signal the process is stopped by SIGKILL anyway.
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
