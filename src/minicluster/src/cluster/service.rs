//! The API as a [`tower::Service`]: HTTP requests in, HTTP responses out, no socket needed.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    discovery,
    dispatch::{self, Answer},
    error::ApiError,
    kubeconfig::TOKEN_PATH,
    ops::Call,
    representation::Representation,
    request::{Query, Route, Target, Verb, route},
    store::Store,
    watch,
};

/// Larger bodies are refused, as by a real API server.
const BODY_LIMIT: usize = 3 << 20;

/// The Kubernetes API of one cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ApiService {
    store: Arc<Store>,
    closing: CancellationToken,
    /// Bearer token requests must carry; `None` in process.
    token: Option<Arc<str>>,
}

impl ApiService {
    /// The API of `store`; watches end when `closing` is cancelled.
    pub fn new(store: Arc<Store>, closing: CancellationToken) -> Self {
        Self { store, closing, token: None }
    }

    /// The same API for requests that must carry `token`.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    async fn answer(self, parts: http::request::Parts, body: Result<Bytes, ApiError>) -> Response<Body> {
        let result = match body {
            Ok(body) => self.handle(&parts, &body).await,
            Err(error) => Err(error),
        };
        result.unwrap_or_else(|error| respond(error.code, &error.status(), &[]))
    }

    async fn handle(&self, parts: &http::request::Parts, body: &[u8]) -> Result<Response<Body>, ApiError> {
        let (path, shown) = self.without_token(parts.uri.path());
        if !shown && path.starts_with(TOKEN_PATH) {
            self.authenticate(parts)?;
        }
        let route = route(path)?;
        if !shown && !matches!(route, Route::Health | Route::Version) {
            self.authenticate(parts)?;
        }
        let registry = |answer: &dyn Fn(&super::registry::Registry) -> Result<Value, ApiError>| {
            let body = self.store.read(|state| answer(state.registry()))?;
            Ok(respond(StatusCode::OK, &body, &[]))
        };
        match route {
            Route::Health => Ok(Response::new(Body::from("ok"))),
            Route::Version => Ok(respond(StatusCode::OK, &discovery::version(), &[])),
            Route::CoreVersions => Ok(respond(StatusCode::OK, &discovery::core_versions(), &[])),
            Route::Groups => registry(&|r| Ok(discovery::groups(r))),
            Route::Group(name) => registry(&|r| discovery::group(r, &name)),
            Route::Resources(group, version) => registry(&|r| discovery::resources(r, &group, &version)),
            Route::OpenApi(None) => registry(&|r| Ok(discovery::openapi_index(r))),
            Route::OpenApi(Some(path)) => registry(&|r| discovery::openapi(r, &path)),
            Route::Objects(target) => self.objects(parts, &target, body).await,
        }
    }

    /// The path without the token at its front, and whether it was there: `/token/TOKEN/api/v1/…`.
    fn without_token<'a>(&self, path: &'a str) -> (&'a str, bool) {
        let rest = self.token.as_ref().and_then(|token| path.strip_prefix(TOKEN_PATH)?.strip_prefix(&**token));
        match rest {
            Some("") => ("/", true),
            Some(rest) if rest.starts_with('/') => (rest, true),
            Some(_) | None => (path, false),
        }
    }

    async fn objects(
        &self,
        parts: &http::request::Parts,
        target: &Target,
        body: &[u8],
    ) -> Result<Response<Body>, ApiError> {
        let query = Query::parse(parts.uri.query().unwrap_or_default())?;
        let verb = Verb::of(&parts.method, target, query.watch).ok_or_else(ApiError::method_not_allowed)?;
        let found = self.store.read(|s| s.registry().find(&target.group, &target.version, &target.plural));
        let resource = found.ok_or_else(ApiError::unknown_path)?;
        if target.namespace.is_some() && !resource.namespaced {
            return Err(ApiError::unknown_path());
        }
        if resource.namespaced && target.namespace.is_none() && !matches!(verb, Verb::List | Verb::Watch) {
            return Err(ApiError::method_not_allowed());
        }
        let text = |name| parts.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let agent = text(header::USER_AGENT).split(['/', ' ']).next().filter(|a| !a.is_empty()).unwrap_or("unknown");
        let call = Call {
            resource,
            version: &target.version,
            target,
            query: &query,
            agent,
            now: Timestamp::now(),
            seed: rand::random(),
        };
        let representation = Representation::of(text(header::ACCEPT));
        if verb == Verb::Watch {
            let stream = watch::start(&self.store, &call, representation, self.closing.clone())?;
            let response = Response::builder().header(header::CONTENT_TYPE, "application/json");
            return response.body(Body::from_stream(stream)).map_err(ApiError::internal);
        }
        let content_type = text(header::CONTENT_TYPE);
        let (answer, revision) = dispatch::run(&self.store, &call, verb, content_type, body);
        // Neither an answer nor an error may rest on something a crash could take back.
        self.store.durable(revision).await.map_err(ApiError::internal)?;
        Ok(match answer? {
            Answer::Object { object, status, warnings } => {
                respond(status, &representation.one(&call, &object), &warnings)
            }
            Answer::Page(page) => respond(StatusCode::OK, &representation.list(&call, &page), &[]),
            Answer::Raw(status, body) => respond(status, &body, &[]),
        })
    }

    fn authenticate(&self, parts: &http::request::Parts) -> Result<(), ApiError> {
        let Some(token) = &self.token else { return Ok(()) };
        let given = parts.headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let given = given.and_then(|v| v.strip_prefix("Bearer "));
        if given == Some(token) { Ok(()) } else { Err(ApiError::unauthorized()) }
    }
}

fn respond(status: StatusCode, body: &Value, warnings: &[String]) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    for warning in warnings {
        if let Ok(value) = format!("299 - {}", json!(warning)).parse() {
            headers.append(header::WARNING, value);
        }
    }
    response
}

impl<B> tower::Service<Request<B>> for ApiService
where
    B: axum::body::HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = Limited::new(body, BODY_LIMIT).collect().await;
            let body = body.map(http_body_util::Collected::to_bytes).map_err(|_| ApiError::too_large(BODY_LIMIT));
            Ok(service.answer(parts, body).await)
        })
    }
}
