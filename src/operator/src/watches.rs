//! Whether the watches make progress: what an operator that is up and deaf does not do.
//!
//! An API server ends each watch within five minutes and sends a bookmark about every minute, also where nothing
//! happens. A watch that is open and on which nothing at all has come for longer hangs: its connection is gone and nobody
//! has said so. This layer sees each piece of each watch's answer, below everything that retries, and gives up on every
//! other request that is not answered in time: a list that hangs would keep its watch from ever beginning.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{Request, Response};
use http_body_util::BodyExt as _;
use tower::{BoxError, Layer, Service};

/// The longest silence of a watch. kube asks for watches of 290 seconds.
pub const LONGEST_SILENCE: Duration = Duration::from_mins(6);
/// The longest wait for the answer to any other request.
const LONGEST_ANSWER: Duration = Duration::from_mins(1);

/// The watches that are open, and when each was last heard of.
#[derive(Clone, Debug, Default)]
pub struct Watches {
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    watches: BTreeMap<u64, (String, Instant)>,
}

impl Watches {
    /// The watch that has been silent for too long, and for how long.
    pub fn stalled(&self, now: Instant) -> Option<(String, Duration)> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let silences = open.watches.values().map(|(watch, at)| (watch.clone(), now.saturating_duration_since(*at)));
        silences.filter(|(_, silence)| *silence > LONGEST_SILENCE).max_by_key(|(_, silence)| *silence)
    }

    /// Seconds since each watch was heard of, by path; of several on one path the most silent.
    pub fn silences(&self, now: Instant) -> BTreeMap<String, f64> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut silences = BTreeMap::new();
        for (watch, at) in open.watches.values() {
            let silence = now.saturating_duration_since(*at).as_secs_f64();
            let most: &mut f64 = silences.entry(watch.clone()).or_default();
            *most = most.max(silence);
        }
        silences
    }

    fn begin(&self, watch: String, now: Instant) -> Hearing {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.next += 1;
        let number = open.next;
        open.watches.insert(number, (watch, now));
        Hearing { watches: self.clone(), number }
    }
}

/// One open watch; it is forgotten when its request or its answer is dropped.
#[derive(Debug)]
struct Hearing {
    watches: Watches,
    number: u64,
}

impl Hearing {
    fn hear(&self, now: Instant) {
        let mut open = self.watches.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, at)) = open.watches.get_mut(&self.number) {
            *at = now;
        }
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        self.watches.open.lock().unwrap_or_else(PoisonError::into_inner).watches.remove(&self.number);
    }
}

impl<S> Layer<S> for Watches {
    type Service = Listening<S>;

    fn layer(&self, inner: S) -> Listening<S> {
        Listening { inner, watches: self.clone() }
    }
}

/// A service whose watches are listened to.
#[derive(Clone, Debug)]
pub struct Listening<S> {
    inner: S,
    watches: Watches,
}

type Later<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

impl<S, B, R> Service<Request<B>> for Listening<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    R: http_body::Body + Send + 'static,
    R::Error: Send,
{
    type Response = Response<http_body_util::combinators::UnsyncBoxBody<R::Data, R::Error>>;
    type Error = BoxError;
    type Future = Later<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let hearing = watched(request.uri()).map(|watch| self.watches.begin(watch, Instant::now()));
        let answer = self.inner.call(request);
        Box::pin(async move {
            let Some(hearing) = hearing else {
                let answer = tokio::time::timeout(LONGEST_ANSWER, answer).await?;
                return answer.map(|answer| answer.map(|body| body.boxed_unsync())).map_err(Into::into);
            };
            let answer = answer.await.map_err(Into::into)?;
            Ok(answer.map(|body| {
                body.map_frame(move |frame| {
                    hearing.hear(Instant::now());
                    frame
                })
                .boxed_unsync()
            }))
        })
    }
}

/// What a request watches: its path and its selector, without the place in history.
fn watched(uri: &http::Uri) -> Option<String> {
    let query = uri.query()?;
    let has = |name: &str| query.split('&').find(|pair| pair.split('=').next() == Some(name));
    has("watch").filter(|pair| *pair != "watch=false")?;
    Some(match has("labelSelector") {
        Some(selector) => format!("{}?{selector}", uri.path()),
        None => uri.path().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use tower::{ServiceExt as _, service_fn};

    use super::*;

    #[test]
    fn a_watch_is_known_by_what_it_watches() {
        let of = |text: &str| watched(&text.parse().unwrap());
        let path = "/apis/apps/v1/deployments";
        assert_eq!(of(&format!("{path}?&watch=true&resourceVersion=7")).as_deref(), Some(path));
        let selected = format!("{path}?watch=1&labelSelector=a&resourceVersion=9");
        assert_eq!(of(&selected), Some(format!("{path}?labelSelector=a")));
        assert_eq!(of(&format!("{path}?limit=500")), None);
        assert_eq!(of(&format!("{path}?watch=false")), None);
        assert_eq!(of(path), None);
    }

    #[tokio::test]
    async fn silence_counts_from_the_last_piece_of_the_answer() {
        let watches = Watches::default();
        let answering = service_fn(|_: Request<()>| async {
            Ok::<_, std::convert::Infallible>(Response::new(Full::new(bytes::Bytes::from_static(b"{}\n"))))
        });
        let service = watches.layer(answering);
        let ask = |uri: &str| service.clone().oneshot(Request::get(uri).body(()).unwrap());
        ask("/api/v1/pods").await.unwrap();
        assert!(watches.silences(Instant::now()).is_empty(), "a list is no watch");

        let answer = ask("/api/v1/pods?watch=true").await.unwrap();
        let begun = Instant::now();
        let later = begun + LONGEST_SILENCE + Duration::from_secs(1);
        assert_eq!(watches.stalled(begun), None);
        assert_eq!(watches.stalled(later).unwrap().0, "/api/v1/pods");

        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut body = answer.into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().as_ref(), b"{}\n");
        let heard = watches.silences(Instant::now())["/api/v1/pods"];
        assert!(heard < begun.elapsed().as_secs_f64(), "the piece that came was not heard");
        drop(body);
        assert_eq!(watches.stalled(later), None, "a watch that has ended is not silent");
    }

    #[tokio::test]
    async fn one_of_two_watches_of_a_path_hangs() {
        let watches = Watches::default();
        let hanging = service_fn(|_: Request<()>| {
            std::future::pending::<Result<Response<Full<bytes::Bytes>>, std::convert::Infallible>>()
        });
        let service = watches.layer(hanging);
        let asked = tokio::spawn(service.oneshot(Request::get("/x?watch=1").body(()).unwrap()));
        while watches.silences(Instant::now()).is_empty() {
            tokio::task::yield_now().await;
        }
        drop(watches.begin("/x".to_owned(), Instant::now()));
        let later = Instant::now() + LONGEST_SILENCE + Duration::from_secs(1);
        assert_eq!(watches.stalled(later).unwrap().0, "/x");
        asked.abort();
    }
}
