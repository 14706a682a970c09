//! `cargo dev <verb>`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use hack::cluster::{self, ControlPlane};
use hack::{
    bench, charts, check, conformance, demo, drill, faults, generate, images, installed, layers, misoperations, paths,
    protocols, refusals, report, seedling, verdicts,
};

/// Developer tasks of Genesis.
#[derive(Parser)]
#[command(name = "cargo dev", bin_name = "cargo dev", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Layers, generated files and formatting
    Check,
    /// Clippy over everything, and the model with feature cuda
    Lint,
    /// Dependencies between the crates point in one direction only
    Layers,
    /// Write the generated files (CRDs)
    Generate {
        /// Only fail where a file is out of date
        #[arg(long)]
        check: bool,
    },
    /// Make the demo's base model from nothing: corpus, tokenizer, pre-training
    Seedling {
        /// Optimiser steps
        #[arg(long, default_value_t = seedling::Recipe::default().steps)]
        steps: u64,
        /// Documents of the corpus
        #[arg(long, default_value_t = seedling::Recipe::default().documents)]
        documents: u64,
        /// Seed of corpus and weights
        #[arg(long, default_value_t = seedling::Recipe::default().seed)]
        seed: u64,
        /// Where the model is written
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// One whole turn of the loop on this machine
    Demo {
        /// Draws the tasks and all sampling
        #[arg(long, default_value_t = 7)]
        seed: u64,
        /// Leave it running at the end
        #[arg(long)]
        keep: bool,
        /// Use this API server instead of the minicluster
        #[arg(long)]
        kubeconfig: Option<PathBuf>,
        /// Folder for data [default: target/demo, emptied]
        #[arg(long)]
        data: Option<PathBuf>,
        /// Leave out the control
        #[arg(long)]
        no_control: bool,
        /// Families of loop tasks, six tasks each
        #[arg(long, default_value_t = 100)]
        loop_families: usize,
        /// Families of sealed tasks, five tasks each
        #[arg(long, default_value_t = 48)]
        sealed_families: usize,
    },
    /// The gate on promotion can say no: A/A, shuffled labels, a sabotaged canary
    Drill {
        /// Draws the tasks and all sampling
        #[arg(long, default_value_t = 7)]
        seed: u64,
    },
    /// The minicluster answers as a real API server does
    Conformance {
        /// Sequences of requests
        #[arg(long, default_value_t = 50)]
        sequences: usize,
        /// Draws the requests
        #[arg(long, default_value_t = 7)]
        seed: u64,
    },
    /// The operator against a fault at every write and every event
    Faults {
        /// Try one fault of so many
        #[arg(long, default_value_t = 1)]
        stride: usize,
        /// Only faults with this in their name, such as `stale restart`
        #[arg(long, default_value = "")]
        only: String,
    },
    /// Every field of the four kinds, wrong and to its limits, on a running system
    Misoperations {
        /// Try one mutation of so many
        #[arg(long, default_value_t = 1)]
        stride: usize,
        /// Only fields with this in kind and path, such as `Rollout spec.steps`
        #[arg(long, default_value = "")]
        only: String,
    },
    /// Protocols with two controllers, in every order of their steps
    Protocols {
        /// Leave out the models that take minutes
        #[arg(long)]
        quick: bool,
    },
    /// Bad input to a running stack: each piece gets its own clear error, and the stack goes on
    Refusals,
    /// One whole turn on a real node with gVisor, installed by Helm
    Installed {
        /// Draws the tasks and all sampling
        #[arg(long, default_value_t = 7)]
        seed: u64,
    },
    /// HumanEval through gate and sandbox
    Verdicts,
    /// Charts, manifests and Argo CD's scripts: lint, tests, schemas, policy
    Charts {
        /// Write the generated manifests first
        #[arg(long)]
        write: bool,
    },
    /// Container images as OCI archives, without a container engine
    Images {
        /// Folder for the archives [default: target/images]
        #[arg(long)]
        out: Option<PathBuf>,
        /// Only the image of this name; may be given more than once
        #[arg(long, value_name = "NAME")]
        only: Vec<String>,
    },
    /// Benchmarks
    Bench {
        #[command(subcommand)]
        verb: bench::Verb,
    },
    /// A real Kubernetes: a control plane on loopback, or one with a node
    Cluster {
        #[command(subcommand)]
        verb: cluster::Verb,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Check => check::quick(),
        Verb::Lint => check::lint(),
        Verb::Layers => {
            let crates = layers::check()?;
            println!("{crates} crates keep to their layers");
            Ok(())
        }
        Verb::Generate { check: true } => {
            println!("{} generated files are up to date", generate::check()?);
            Ok(())
        }
        Verb::Generate { check: false } => {
            println!("{} generated files changed", generate::write()?);
            Ok(())
        }
        Verb::Seedling { steps, documents, seed, out } => {
            let out = out.unwrap_or_else(|| seedling::Recipe::default().out);
            seedling::make(&seedling::Recipe { documents, steps, seed, out })
        }
        Verb::Demo { seed, keep, kubeconfig, data, no_control, loop_families, sealed_families } => {
            let data = fresh(data.unwrap_or_else(|| paths::root().join("target/demo")))?;
            let options =
                demo::Options { seed, data, kubeconfig, keep, control: !no_control, loop_families, sealed_families };
            let outcome = tokio::runtime::Runtime::new()?.block_on(demo::run(&options))?;
            println!("report: {}", report::write("demo", &outcome)?.display());
            Ok(())
        }
        Verb::Drill { seed } => {
            let data = fresh(paths::root().join("target/drill"))?;
            let (loop_families, sealed_families) = (40, 48);
            let options = demo::Options {
                seed,
                data,
                kubeconfig: None,
                keep: false,
                control: false,
                loop_families,
                sealed_families,
            };
            tokio::runtime::Runtime::new()?.block_on(drill::run(&options))
        }
        Verb::Conformance { sequences, seed } => {
            let plane = ControlPlane::start(&fresh(paths::root().join("target/conformance"))?)?;
            tokio::runtime::Runtime::new()?.block_on(conformance::run(sequences, seed, &plane)).map(drop)
        }
        Verb::Faults { stride, only } => tokio::runtime::Runtime::new()?.block_on(faults::run(stride, &only)).map(drop),
        Verb::Misoperations { stride, only } => {
            tokio::runtime::Runtime::new()?.block_on(misoperations::run(stride, &only)).map(drop)
        }
        Verb::Protocols { quick } => protocols::run(quick).map(drop),
        Verb::Refusals => {
            let data = fresh(paths::root().join("target/refusals"))?;
            tokio::runtime::Runtime::new()?.block_on(refusals::run(&demo::Options::tiny(data))).map(drop)
        }
        Verb::Installed { seed } => {
            let data = fresh(paths::root().join("target/installed"))?;
            let options = demo::Options { seed, ..installed::options(&data) };
            tokio::runtime::Runtime::new()?.block_on(installed::run(&options)).map(drop)
        }
        Verb::Verdicts => verdicts::run().map(drop),
        Verb::Charts { write } => charts::run(write),
        Verb::Images { out, only } => images::run(&out.unwrap_or_else(images::folder), &only).map(drop),
        Verb::Bench { verb } => verb.run(),
        Verb::Cluster { verb } => verb.run(),
    }
}

fn fresh(folder: PathBuf) -> Result<PathBuf> {
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
