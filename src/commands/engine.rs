//! `leakcheck engine`: synthetic containers for any Docker client.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use leakcheck_report::exit_code::{ExitCode, Failure};
use leakcheck_text::{duration, json};
use synthetic_engine::clock::EngineClock;
use synthetic_engine::daemon::Daemon;
use synthetic_engine::listen::{ListenAddress, Listener};
use synthetic_engine::rotation::{RotateBy, Rotation};
use synthetic_engine::spec::EngineSpec;
use synthetic_engine::workload::containers::Fleet;
use synthetic_engine::{server, timers};
use tokio::runtime::Runtime;

use super::fleet_args::FleetArgs;
use super::runtime;
use crate::engine_process::{Introduction, Listening};
use crate::sys::signals::Signals;
use crate::sys::socket_dirs::private_directory;

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
  leakcheck engine --rotate-by restart --rotation 5m
      Every five minutes all containers restart, and their streams end.

It answers ps, inspect, logs, attach, events, stats, wait, stop, restart, rm, info and version as
Docker does.
`leakcheck exercise` runs a log follower against it and says what it leaks. Ctrl-C ends it.")]
pub struct EngineArgs {
    /// Where to listen: unix:///path or tcp://127.0.0.1:PORT [default: a private unix socket]
    #[arg(long, value_name = "URL")]
    listen: Option<ListenAddress>,

    /// Allow a TCP address that other machines can reach
    #[arg(long)]
    listen_any: bool,

    #[command(flatten)]
    fleet: FleetArgs,

    /// How all streams are rotated, every --rotation
    #[arg(long, value_enum, requires = "rotation")]
    rotate_by: Option<RotateBy>,

    /// Interval between two rotations
    #[arg(long, value_name = "DUR", value_parser = duration::parse_positive, requires = "rotate_by")]
    rotation: Option<Duration>,

    /// Keep streams open whose container has restarted, with nothing more to come
    #[arg(long, requires = "rotate_by")]
    keep_ended_streams: bool,

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
    runtime::raise_fd_limit();
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
    let mut signals = Signals::listen()?;
    let listener = match &args.listen {
        Some(address) => Listener::bind(address).await?,
        None => Listener::bind_within(private_directory()?).await?,
    };
    let clock = EngineClock::wall();
    let fleet = args.fleet.fleet();
    introduce(&fleet, &listener.address);
    let spec = EngineSpec {
        fleet,
        started_at_ns: clock.now_ns(),
    };
    let daemon = Arc::new(Daemon::new(&spec, clock));
    if let Some(every) = args.rotation {
        let rotation = Rotation {
            by: args.rotate_by.unwrap_or(RotateBy::None),
            keeps_streams: args.keep_ended_streams,
        };
        tokio::spawn(timers::rotate_at_intervals(
            Arc::clone(&daemon),
            rotation,
            every,
        ));
    }
    serve_until(signals.next(), daemon, listener).await
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
    let mut signals = Signals::listen()?;
    let mut stdin = BufReader::new(io::stdin());
    let mut line = String::new();
    stdin
        .read_line(&mut line)
        .context("cannot read the spec from stdin")?;
    let Introduction { directory, spec } = json::parse(&line)
        .context("stdin holds no engine spec; --child is for leakcheck's own use")?;
    spec.validate()?;

    let listener = Listener::bind_in(&directory).await?;
    if let ListenAddress::Unix(socket) = &listener.address {
        end_with_parent(stdin, directory)?;
        let listening = serde_json::to_string(&Listening {
            socket: socket.clone(),
        })?;
        writeln!(io::stdout(), "{listening}").context("the parent went away")?;
    }
    let daemon = Arc::new(Daemon::new(&spec, EngineClock::wall()));
    serve_until(signals.next(), daemon, listener).await
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
    daemon: Arc<Daemon>,
    listener: Listener,
) -> anyhow::Result<()> {
    let announced = async {
        timers::announce_restarts(Arc::clone(&daemon)).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = interrupted => Ok(()),
        () = announced => Ok(()),
        failed = server::serve_and_restart(Arc::clone(&daemon), listener) => match failed? {},
    }
}
