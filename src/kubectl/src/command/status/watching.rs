use std::io::Write;
use std::time::Duration;

use anyhow::{Result, bail};
use futures::stream::{BoxStream, StreamExt, select_all};
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use kube::runtime::{WatchStreamExt, watcher};

use super::{line, value};
use crate::command::fetch::Readable;
use crate::command::{Ending, Session};
use crate::kind::Kind;
use crate::output::Form;
use crate::summary::Standing;

/// Tells of every change until the object is settled or the time is up.
pub(super) async fn watch(
    session: &Session,
    kind: Kind,
    name: &str,
    timeout: Option<Duration>,
    output: Form,
    out: &mut impl Write,
) -> Result<Ending> {
    let mut last: Option<Standing> = None;
    let watching = follow(session, kind, name, output, out, &mut last);
    match timeout {
        None => watching.await,
        Some(limit) => {
            if let Ok(ended) = tokio::time::timeout(limit, watching).await {
                return ended;
            }
            let word = last.map_or_else(|| "unseen".to_owned(), |standing| standing.word);
            bail!("{name} is still {word} after {} s; `kubectl genesis explain {name}` tells why", limit.as_secs())
        }
    }
}

async fn follow(
    session: &Session,
    kind: Kind,
    name: &str,
    output: Form,
    out: &mut impl Write,
    last: &mut Option<Standing>,
) -> Result<Ending> {
    let mut changes = changes(session, kind, name);
    loop {
        // The object is read anew: an event only says that there is something to see.
        let standing = session.standing(kind, name).await?;
        if last.as_ref() != Some(&standing) {
            let text = match output {
                Form::Text => line(name, &standing, session.coloured),
                Form::Json => value(kind, name, &standing).to_string() + "\n",
                Form::Yaml => format!("---\n{}", serde_yaml::to_string(&value(kind, name, &standing))?),
            };
            out.write_all(text.as_bytes())?;
            out.flush()?;
        }
        let ending = (!standing.failed).into();
        let settled = standing.settled;
        *last = Some(standing);
        if settled {
            return Ok(ending);
        }
        changes.next().await;
    }
}

/// A signal for each change of the object, and for a model also for those of its children.
fn changes(session: &Session, kind: Kind, name: &str) -> BoxStream<'static, ()> {
    match kind {
        Kind::Model => select_all([
            of::<GenesisModel>(session, Some(name)),
            of::<TrainingRun>(session, None),
            of::<Evaluation>(session, None),
            of::<Rollout>(session, None),
        ])
        .boxed(),
        Kind::TrainingRun => of::<TrainingRun>(session, Some(name)),
        Kind::Evaluation => of::<Evaluation>(session, Some(name)),
        Kind::Rollout => of::<Rollout>(session, Some(name)),
    }
}

/// Errors of a watch are no end of it: it begins again, later each time.
fn of<K: Readable + Send + 'static>(session: &Session, name: Option<&str>) -> BoxStream<'static, ()> {
    let only = name.map(|name| format!("metadata.name={name}"));
    let config = only.map_or_else(watcher::Config::default, |field| watcher::Config::default().fields(&field));
    watcher(session.api::<K>(), config).default_backoff().filter_map(|event| async { event.ok().map(|_| ()) }).boxed()
}
