//! Starting, serving and stopping.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::adapters::Adapters;
use super::engine::{Engine, EngineOptions};
use super::http::{self, App};
use super::kernel::KernelRunner;
use super::listen::listen;
use super::model::ServedModel;
use super::options::{ModelOptions, RunnerKind, ServeOptions, models_folders};
use super::runner::RunnerError;
use super::tensor_runner::TensorRunner;
use crate::backend::{Compute, DEFAULT_THREADS, Device};
use crate::decoder::Decoder;
use crate::tokenizer::{Tokenizer, TokenizerError};
use crate::weights::WeightsError;

/// How long running requests may take after the server was asked to stop: a pod that is stopped has thirty seconds.
const STOP_TIMEOUT: Duration = Duration::from_secs(25);

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
    /// The tokenizer makes tokens that the embedding has no row for.
    #[error(
        "the tokenizer knows {tokenizer} tokens, the model {embedding}: they do not belong together; restore the model's own tokenizer.json"
    )]
    Vocabulary {
        /// Tokens of the tokenizer.
        tokenizer: usize,
        /// Rows of the embedding.
        embedding: usize,
    },
    /// An option that would be ignored.
    #[error("--threads has no effect with --runner burn: leave it out, or choose --runner kernel")]
    Threads,
    /// Requests that were running when the server was stopped have not ended.
    #[error("requests were still running {0:?} after the server was asked to stop: they are cut off")]
    Unfinished(Duration),
    /// A port is taken, or an address not ours.
    #[error("cannot listen on {address}: {source}. Choose another --host or port")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The engine's thread could not be started, or a listener has no address.
    #[error("the server failed: {0}")]
    Io(#[from] std::io::Error),
}

/// Loads a model and starts its engine.
pub fn start(options: &ModelOptions, name: &str) -> Result<(ServedModel, Engine), ServerError> {
    let directory = genesis_artifacts::directory_of(&options.model, &models_folders())?;
    let decoder = Decoder::<Compute>::load(&directory, &Device::<Compute>::default())?;
    let tokenizer = Tokenizer::load(&directory)?;
    check_vocabulary(tokenizer.vocab_size(), decoder.config.vocab_size)?;
    let created = jiff::Timestamp::now().as_second();
    let names = (name.to_owned(), options.model.clone());
    let model = ServedModel::new(names, (decoder.config.clone(), tokenizer), options.max_model_len, created);
    let engine = start_engine(options, &decoder, &model)?;
    Ok((model, engine))
}

/// A token without a row would be looked up beyond the embedding's end. More rows than tokens are padding.
fn check_vocabulary(tokenizer: usize, embedding: usize) -> Result<(), ServerError> {
    if tokenizer <= embedding { Ok(()) } else { Err(ServerError::Vocabulary { tokenizer, embedding }) }
}

/// Starts the engine of a loaded decoder.
pub fn start_engine(
    options: &ModelOptions,
    decoder: &Decoder<Compute>,
    model: &ServedModel,
) -> Result<Engine, ServerError> {
    if options.runner == RunnerKind::Burn && options.threads.is_some() {
        return Err(ServerError::Threads);
    }
    let threads = options.threads.unwrap_or(DEFAULT_THREADS);
    let engine = EngineOptions {
        limits: options.limits(),
        queue: options.max_queue,
        end: decoder.config.eos.clone(),
        vocabulary: Arc::clone(&model.vocabulary),
    };
    Ok(match options.runner {
        RunnerKind::Kernel => Engine::start(KernelRunner::new(decoder, model.max_model_len, threads)?, engine)?,
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
    let serving = async {
        tokio::join!(
            listen(public, http::public(Arc::clone(&app)), stopped.clone()),
            listen(admin, http::admin(Arc::clone(&app)), stopped.clone())
        );
    };
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        () = &mut serving => Ok(()),
        () = stop => {
            tracing::info!("stopping: running requests are finished, new ones refused");
            app.engine.drain();
            stopping.send_replace(true);
            tokio::time::timeout(STOP_TIMEOUT, serving).await.map_err(|_| ServerError::Unfinished(STOP_TIMEOUT))
        }
    }
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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::infer::options::Cli;
    use crate::infer::testing::{config, decoder, tokenizer};

    #[test]
    fn a_tokenizer_of_another_model_is_refused_at_the_start() {
        assert!(check_vocabulary(290, 300).is_ok());
        let error = check_vocabulary(301, 300).unwrap_err().to_string();
        assert!(error.contains("301") && error.contains("300"), "{error}");
    }

    #[test]
    fn threads_that_would_be_ignored_are_refused() {
        let line = ["genesis-inference", "--runner", "burn", "--threads", "2"];
        let options = Cli::parse_from(line).serve.model;
        let names = ("tiny".to_owned(), String::new());
        let model = ServedModel::new(names, (config(), tokenizer()), 64, 0);
        assert!(matches!(start_engine(&options, &decoder(), &model), Err(ServerError::Threads)));
    }
}
