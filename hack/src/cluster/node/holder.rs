//! The first process of a node's namespaces. When it ends, the kernel ends every daemon, shim and pod.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{stdin, stdout};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{WaitStatus, wait};

use super::layout::Layout;
use super::plan::{Daemon, Plan};
use super::{cgroups, forward, namespaces};

const PAUSE: Duration = Duration::from_secs(1);

enum Event {
    /// Start the daemon with this number.
    Start(usize),
    /// A process ended, perhaps a daemon: orphans come here as well.
    Ended(WaitStatus),
    /// Whoever started the node is gone.
    Alone,
}

/// Runs the node of this folder until nobody wants it any more.
///
/// Standard input is a listening socket of the machine's own network: what comes in there goes to the API server.
/// Standard output is a pipe whose other end the owner holds, or a file where the node is to outlive its owner.
pub fn hold(folder: &Path) -> Result<()> {
    let layout = Layout::new(folder);
    let plan = Plan::read(&layout)?;
    let listener = TcpListener::from(stdin().as_fd().try_clone_to_owned().context("take the listening socket")?);
    cgroups::enter(&plan.cgroup)?;
    namespaces::mounts(&layout)?;
    namespaces::network()?;

    let (events, happened) = channel();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.spawn(forward::serve(listener));
    for (number, _) in plan.daemons.iter().enumerate().filter(|(_, daemon)| !daemon.after_api) {
        events.send(Event::Start(number))?;
    }
    let (later, kubeconfig) = (events.clone(), plan.kubeconfig.clone());
    let waiting: Vec<usize> = (0..plan.daemons.len()).filter(|number| plan.daemons[*number].after_api).collect();
    runtime.spawn(async move {
        forward::api_ready(&kubeconfig).await;
        for number in waiting {
            let _ = later.send(Event::Start(number));
        }
    });
    let of = events.clone();
    std::thread::spawn(move || watch_owner(&of));
    let of = events.clone();
    std::thread::spawn(move || reap(&of));

    let mut running = HashMap::new();
    for event in happened {
        match event {
            Event::Start(number) => {
                let id = start(&layout, &plan, &plan.daemons[number])?;
                running.insert(id, number);
            }
            Event::Ended(status) => {
                let ended = status.pid().and_then(|id| running.remove(&id.as_raw().cast_unsigned()));
                if let Some(number) = ended {
                    eprintln!("{} ended: {status:?}", plan.daemons[number].name);
                    let events = events.clone();
                    std::thread::spawn(move || {
                        std::thread::sleep(PAUSE);
                        let _ = events.send(Event::Start(number));
                    });
                }
            }
            Event::Alone => break,
        }
    }
    Ok(())
}

fn start(layout: &Layout, plan: &Plan, daemon: &Daemon) -> Result<u32> {
    let log = layout.file(&format!("log/{}.log", daemon.name));
    let out =
        OpenOptions::new().create(true).append(true).open(&log).with_context(|| format!("open {}", log.display()))?;
    let child = Command::new(&daemon.program)
        .args(&daemon.words)
        .env("PATH", &plan.search_path)
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
        .with_context(|| format!("start {}", daemon.name))?;
    Ok(child.id())
}

fn reap(events: &Sender<Event>) {
    loop {
        match wait() {
            Ok(status) => {
                if events.send(Event::Ended(status)).is_err() {
                    return;
                }
            }
            Err(Errno::ECHILD) => std::thread::sleep(Duration::from_millis(50)),
            Err(_) => {}
        }
    }
}

fn watch_owner(events: &Sender<Event>) {
    let out = stdout();
    // An error is reported where the reading end of a pipe is closed, and never for a file.
    let mut owner = [PollFd::new(out.as_fd(), PollFlags::empty())];
    while !matches!(poll(&mut owner, PollTimeout::NONE), Ok(1..)) {}
    let _ = events.send(Event::Alone);
}
