//! `leakcheck engine`: synthetic containers for any Docker client.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::engine::clock::Clock;
use crate::engine::daemon::Daemon;
use crate::engine::listen::{ListenAddress, Listener};
use crate::engine::process::Listening;
use crate::engine::spec::{EngineSpec, MAX_LINES_PER_SECOND};
use crate::engine::{restarts, server};
use crate::exit_code::{ExitCode, Failure};
use crate::fleet::{DEFAULT_LINES_PER_SECOND, Fleet};

/// Flags of `leakcheck engine`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  leakcheck engine
      50 containers on a private socket; prints how to point clients at it.
  leakcheck engine --listen unix:///tmp/engine.sock --containers 9 --silent 0
      9 containers that all print, on a socket of your choice.
  leakcheck engine --listen tcp://127.0.0.1:2375
      Over TCP. Then, in another terminal:
      docker -H tcp://127.0.0.1:2375 logs -f web-00

It answers ps, inspect, logs, events, stop, rm, info and version as Docker does.
Ctrl-C ends it.")]
pub struct EngineArgs {
    /// Where to listen: unix:///path or tcp://127.0.0.1:PORT [default: a private unix socket]
    #[arg(long, value_name = "URL")]
    listen: Option<ListenAddress>,

    /// Allow a TCP address that other machines can reach
    #[arg(long)]
    listen_any: bool,

    /// Containers to serve
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    containers: u32,

    /// Lines per second that a container prints, on average
    #[arg(long, value_name = "X", default_value_t = DEFAULT_LINES_PER_SECOND, value_parser = parse_rate)]
    lines_per_second: f64,

    /// Share of the containers that print nothing, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = parse_share)]
    silent: f64,

    /// Share of the containers that have a terminal (raw logs), from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = parse_share)]
    tty: f64,

    /// Seed of the containers' rates: the same seed gives the same lines
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Serve the spec on stdin until stdin ends
    #[arg(long, hide = true, conflicts_with = "listen")]
    child: bool,
}

/// Serves until it is interrupted.
///
/// # Errors
/// A usage error for an address that is open to other machines without `--listen-any`; an
/// environment error where the address cannot be had.
pub fn execute(args: EngineArgs) -> Result<ExitCode, Failure> {
    // Where the limit cannot be raised, the engine serves as many clients as it allows.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let runtime = Runtime::new().context("cannot start the engine's threads")?;
    if args.child {
        runtime.block_on(serve_parent())?;
    } else {
        refuse_open_address(&args)?;
        runtime.block_on(serve_user(&args))?;
    }
    Ok(ExitCode::Measured)
}

fn refuse_open_address(args: &EngineArgs) -> Result<(), Failure> {
    match args.listen {
        Some(ListenAddress::Tcp(address)) if !address.ip().is_loopback() && !args.listen_any => {
            Err(Failure::usage(format_args!(
                "tcp://{address} is open to other machines, which could stop these containers; \
                 use tcp://127.0.0.1:{} or add --listen-any",
                address.port()
            )))
        }
        _ => Ok(()),
    }
}

async fn serve_user(args: &EngineArgs) -> anyhow::Result<()> {
    let interrupted = interruption()?;
    let listener = match &args.listen {
        Some(address) => Listener::bind(address).await?,
        None => Listener::bind_private().await?,
    };
    let clock = Clock::wall();
    let fleet = Fleet::generate(
        args.containers as usize,
        args.silent,
        args.lines_per_second,
        args.seed,
    )
    .with_terminals(args.tty);
    introduce(&fleet, &listener.address);
    let spec = EngineSpec {
        fleet,
        started_at_ns: clock.now_ns(),
    };
    serve_until(interrupted, &spec, clock, &listener).await;
    Ok(())
}

fn introduce(fleet: &Fleet, address: &ListenAddress) {
    let count = fleet.containers.len();
    let first = fleet
        .containers
        .first()
        .map_or("NAME", |container| &container.name);
    // Nobody may be reading; the engine serves all the same.
    let _ = writeln!(
        io::stdout(),
        "{count} synthetic containers, {silent} of them silent, at {address}\n\n  \
         export DOCKER_HOST={address}\n  \
         docker -H {address} ps\n  \
         docker -H {address} logs -f {first}\n\n\
         Ctrl-C ends it.",
        silent = fleet.silent(),
    );
}

/// Serves the spec that the parent hands over on stdin, until stdin ends.
async fn serve_parent() -> anyhow::Result<()> {
    let interrupted = interruption()?;
    let mut stdin = BufReader::new(io::stdin());
    let mut line = String::new();
    stdin
        .read_line(&mut line)
        .context("cannot read the spec from stdin")?;
    let spec: EngineSpec = serde_json::from_str(&line)
        .context("stdin holds no engine spec; --child is for leakcheck's own use")?;
    spec.validate()?;

    let listener = Listener::bind_private().await?;
    if let (ListenAddress::Unix(socket), Some(directory)) =
        (&listener.address, listener.directory())
    {
        end_with_parent(stdin, directory.to_owned())?;
        let listening = serde_json::to_string(&Listening {
            socket: socket.clone(),
        })?;
        writeln!(io::stdout(), "{listening}").context("the parent went away")?;
    }
    serve_until(interrupted, &spec, Clock::wall(), &listener).await;
    Ok(())
}

/// Ends this process, and the directory with it, when stdin ends: a thread of its own does so
/// even where the runtime is too busy to be asked.
fn end_with_parent(
    mut stdin: impl Read + Send + 'static,
    directory: PathBuf,
) -> anyhow::Result<()> {
    let wait = move || {
        // An error is as good an end as any.
        let _ = io::copy(&mut stdin, &mut io::sink());
        let _ = std::fs::remove_dir_all(directory);
        process::exit(0);
    };
    std::thread::Builder::new()
        .name("parent watch".into())
        .spawn(wait)
        .context("cannot start the thread that watches the parent")?;
    Ok(())
}

async fn serve_until(
    interrupted: impl Future<Output = ()>,
    spec: &EngineSpec,
    clock: Clock,
    listener: &Listener,
) {
    let daemon = Arc::new(Daemon::new(spec, clock));
    let announced = async {
        restarts::announce(Arc::clone(&daemon)).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = interrupted => {}
        () = announced => {}
        never = server::serve(Arc::clone(&daemon), &listener.socket) => match never {},
    }
}

/// Resolves on Ctrl-C, SIGTERM and SIGHUP. From this call on none of them kills the process, so
/// that it leaves no socket behind.
fn interruption() -> anyhow::Result<impl Future<Output = ()>> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

fn parse_share(text: &str) -> Result<f64, String> {
    (text.parse().ok())
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "must be a number from 0 to 1, as in 0.5".into())
}

fn parse_rate(text: &str) -> Result<f64, String> {
    // The fastest container of a fleet has 1.6 times the mean: see `Fleet::generate`.
    let fastest_mean = MAX_LINES_PER_SECOND / 1.6;
    (text.parse().ok()).filter(|rate| *rate > 0.0 && *rate <= fastest_mean).ok_or_else(|| {
        format!("must be a number above 0 and up to {fastest_mean}, as in 12.5; for silence use --silent 1")
    })
}
