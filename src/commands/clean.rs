//! `leakcheck clean`: what killed runs left, removed.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use docker_engine::address::Address;
use leakcheck_report::exit_code::{ExitCode, Failure, all_done};
use leakcheck_text::duration;

use super::output::print;
use super::runtime;
use crate::docker::endpoint::{Endpoint, Origin};
use crate::docker::leftovers::{self, FoundRun};
use crate::docker::removal;
use crate::docker::run_owner::OwnerStanding;
use crate::swarm;
use crate::swarm::leftovers::Services;
use crate::sys::socket_dirs;

const EXAMPLES: &str = "\
Examples:
  leakcheck clean                             after a run was killed
  leakcheck clean --dry-run                   only say what would be removed
  leakcheck clean --host tcp://10.0.0.7:2375
  leakcheck clean --all                       also runs that still go on

A run that ends by itself, by Ctrl-C or by SIGTERM leaves nothing to clean.

Containers, and services where the engine manages a swarm, are found by the label
leakcheck.run; no other is touched. Those of a run that still goes on are kept.
So are those of a run that was started on another host: nobody can tell from
here whether it goes on. In time, all containers end by themselves.";

/// Flags of `leakcheck clean`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CleanArgs {
    /// The Docker engine: unix:///PATH, tcp://HOST:PORT, https://HOST:PORT, ssh://USER@HOST [default:
    /// DOCKER_HOST, else unix:///var/run/docker.sock]
    #[arg(long, value_name = "URL")]
    pub host: Option<String>,

    /// Also remove the containers of runs that still go on, here or on other hosts
    #[arg(long)]
    pub all: bool,

    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Removes what killed runs left: their containers, and their engines' private sockets.
///
/// # Errors
/// A usage failure for a malformed endpoint; an environment failure when the engine does not
/// answer or something could not be removed.
pub fn execute(args: CleanArgs) -> Result<ExitCode, Failure> {
    let endpoint = Endpoint::resolve(args.host.as_deref())?;
    runtime::start()?.block_on(clean(&endpoint, &args))
}

async fn clean(endpoint: &Endpoint, args: &CleanArgs) -> Result<ExitCode, Failure> {
    // What cannot be removed, or told, must not keep the rest.
    let mut done = clean_sockets(args.dry_run).await;
    if let Some(path) = missing_default_socket(endpoint) {
        done.push(print(&format!(
            "no Docker engine at {path}, hence no containers to look for"
        )));
    } else {
        done.extend(clean_containers(endpoint, args).await);
    }
    if done.is_empty() {
        done.push(print(&format!(
            "nothing to remove: no containers of leakcheck at {endpoint}"
        )));
    }
    all_done(done)?;
    Ok(ExitCode::Measured)
}

/// Who asked for no engine and has none (synthetic runs need none) made no mistake.
fn missing_default_socket(endpoint: &Endpoint) -> Option<String> {
    match endpoint.address() {
        Address::Unix(path) if endpoint.origin() == Origin::Default && !path.exists() => {
            Some(path.display().to_string())
        }
        _ => None,
    }
}

/// What was done about each stale socket's directory.
async fn clean_sockets(dry_run: bool) -> Vec<Result<(), Failure>> {
    let stale = socket_dirs::find(&std::env::temp_dir()).await;
    let clean = |directory: &PathBuf| {
        let shown = directory.display();
        if dry_run {
            return print(&format!(
                "would remove {shown}, the socket of an engine that is gone"
            ));
        }
        socket_dirs::remove(directory)
            .map_err(|error| Failure::environment(format!("cannot remove {shown}: {error}")))?;
        print(&format!(
            "removed {shown}, the socket of an engine that was gone"
        ))
    };
    stale.iter().map(clean).collect()
}

/// What was done about each run's containers.
async fn clean_containers(endpoint: &Endpoint, args: &CleanArgs) -> Vec<Result<(), Failure>> {
    let finding = async {
        let (docker, _) = endpoint.connect().await?;
        Ok((leftovers::find(&docker).await?, docker))
    };
    let (containers, docker) = match finding.await {
        Ok(found) => found,
        Err(failure) => return vec![Err(failure)],
    };
    let mut done = Vec::new();
    let mut runs: Vec<(FoundRun, LeftoverKind)> = Vec::new();
    runs.extend(
        containers
            .into_iter()
            .map(|run| (run, LeftoverKind::Containers)),
    );
    match swarm::leftovers::find(&docker).await {
        // The engine's own containers are removed all the same.
        Err(error) => done.push(Err(error)),
        Ok(Services::Found(found)) => {
            runs.extend(found.into_iter().map(|run| (run, LeftoverKind::Services)))
        }
        Ok(Services::ToldByManagers) => {
            done.push(print(&format!(
                "{endpoint} is a worker of a swarm: services of leakcheck are looked for at a manager \
                 only (--host)"
            )));
        }
        Ok(Services::None) => {}
    }
    for (run, kind) in &runs {
        let standing = run.standing();
        let described = describe(run, *kind, standing);
        // One run that cannot be removed, or told, must not keep the others.
        done.push(if standing != OwnerStanding::Gone && !args.all {
            print(&format!("kept {described} (--all removes it too)"))
        } else if args.dry_run {
            print(&format!("would remove {described}"))
        } else {
            let removed = match kind {
                LeftoverKind::Containers => removal::remove_run(&docker, &run.id).await.map(drop),
                LeftoverKind::Services => swarm::removal::remove_run(&docker, &run.id).await,
            };
            removed.and_then(|()| print(&format!("removed {described}")))
        });
    }
    done
}

/// What a run has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeftoverKind {
    /// Containers of the engine's own.
    Containers,
    /// Services of the swarm that it manages.
    Services,
}

fn describe(run: &FoundRun, kind: LeftoverKind, standing: OwnerStanding) -> String {
    let age = duration::format(Duration::from_secs(run.age.as_secs()));
    let plural = if run.containers == 1 { "" } else { "s" };
    let what = match kind {
        LeftoverKind::Containers => format!("{} container{plural}", run.containers),
        LeftoverKind::Services if run.containers == 0 => "agents on a swarm's nodes".into(),
        LeftoverKind::Services => format!(
            "{} container{plural} of the swarm's services",
            run.containers
        ),
    };
    let started = match &run.owner {
        None => "by an unknown process".to_owned(),
        Some(owner) => {
            let standing = match standing {
                OwnerStanding::Alive => "still running",
                OwnerStanding::Gone => "now gone",
                OwnerStanding::Elsewhere => "out of sight from here",
            };
            format!("by {owner}, {standing}")
        }
    };
    format!("run {}: {what}, started {age} ago {started}", run.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::run_id::RunId;
    use crate::docker::run_owner::RunOwner;

    #[test]
    fn a_run_is_described_by_its_size_its_age_and_who_started_it() {
        let run = FoundRun {
            id: RunId::from_label("0badf00d"),
            containers: 50,
            age: Duration::from_millis(192_700),
            owner: Some(RunOwner {
                host: "ci-3".into(),
                pid: 42,
                start_ticks: None,
            }),
        };
        assert_eq!(
            describe(&run, LeftoverKind::Containers, OwnerStanding::Gone),
            "run 0badf00d: 50 containers, started 3m 12s ago by process 42 on ci-3, now gone"
        );
        let agents = FoundRun {
            containers: 0,
            owner: None,
            ..run
        };
        assert_eq!(
            describe(&agents, LeftoverKind::Services, OwnerStanding::Gone),
            "run 0badf00d: agents on a swarm's nodes, started 3m 12s ago by an unknown process"
        );
    }
}
