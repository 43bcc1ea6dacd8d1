//! The Docker engine, its image, and what killed runs left there.

use bollard::Docker;
use docker_engine::ask;
use leakcheck_report::exit_code::{ExitCode, Failure};

use super::check::Check;
use crate::docker::endpoint::Endpoint;
use crate::docker::leftovers::{self, FoundRun};
use crate::docker::run_owner::OwnerStanding;
use crate::docker::{engine_load, image};
use crate::swarm;
use crate::swarm::leftovers::Services;
use crate::sys::socket_dirs;

const ENGINE: &str = "Docker engine";
const IMAGE: &str = "image";
const LEFTOVERS: &str = "leftovers";

/// Checks the engine, and, where one answers, its image and the leftovers there.
///
/// # Errors
/// A usage failure when `image` is no image reference.
pub async fn checks(endpoint: &Endpoint, image: &str) -> Result<Vec<Check>, Failure> {
    match endpoint.connect().await {
        Ok((docker, _)) => Ok(vec![
            version(&docker, endpoint).await,
            image_there(&docker, image).await?,
            left_behind(Some(&docker)).await,
        ]),
        Err(failure) => Ok(vec![
            Check::warn(
                ENGINE,
                failure.to_string(),
                "needed by run --engine docker only",
            ),
            left_behind(None).await,
        ]),
    }
}

async fn version(docker: &Docker, endpoint: &Endpoint) -> Check {
    let version = match ask::version(docker).await {
        Ok(version) => version.unwrap_or_else(|| "of unknown version".into()),
        Err(error) => return Check::warn(ENGINE, error.to_string(), "is it still starting?"),
    };
    let load = match engine_load::read(docker).await {
        Ok(engine_load::EngineLoad {
            goroutines: Some(goroutines),
            fds: Some(fds),
        }) => {
            format!("; tells its {goroutines} goroutines and {fds} fds")
        }
        _ => "; does not tell its goroutines and fds".into(),
    };
    let api = docker.client_version();
    Check::ok(
        ENGINE,
        format!(
            "{version} at {endpoint}, API {}.{}{load}",
            api.major_version, api.minor_version
        ),
    )
}

async fn image_there(docker: &Docker, image: &str) -> Result<Check, Failure> {
    match image::is_present(docker, image).await {
        Ok(true) => Ok(Check::ok(IMAGE, format!("{image} is there"))),
        Ok(false) => Ok(Check::warn(
            IMAGE,
            format!("{image} is not there: run --engine docker would pull it"),
            format!(
                "without a registry, make it with scripts/import-busybox {image}, or name another \
                 with --image"
            ),
        )),
        Err(failure) if failure.code == ExitCode::Usage => Err(failure),
        Err(failure) => Ok(Check::warn(IMAGE, failure.to_string(), "try again")),
    }
}

/// The runs that have containers on the engine, or services in the swarm that it manages; and whether only
/// another engine knows of the latter.
async fn runs_of(docker: &Docker) -> Result<(Vec<FoundRun>, bool), Failure> {
    let mut runs = leftovers::find(docker).await?;
    let services = swarm::leftovers::find(docker).await?;
    let elsewhere = matches!(services, Services::ToldByManagers);
    if let Services::Found(services) = services {
        runs.extend(services);
    }
    Ok((runs, elsewhere))
}

/// `None` where no engine answers; sockets may be left all the same.
async fn left_behind(docker: Option<&Docker>) -> Check {
    const ADVICE: &str = "leakcheck clean removes them";
    let sockets = socket_dirs::find(&std::env::temp_dir()).await.len();
    let (runs, elsewhere) = match docker {
        None => (Vec::new(), false),
        Some(docker) => match runs_of(docker).await {
            Ok(runs) => runs,
            Err(failure) => return Check::warn(LEFTOVERS, failure.to_string(), "try again"),
        },
    };
    let (dead, kept): (Vec<_>, Vec<_>) = runs
        .iter()
        .partition(|run| run.standing() == OwnerStanding::Gone);
    let containers: usize = dead.iter().map(|run| run.containers).sum();
    if !dead.is_empty() || sockets > 0 {
        return Check::warn(
            LEFTOVERS,
            match containers + sockets {
                0 => "agents of killed runs on a swarm's nodes".into(),
                _ => format!(
                    "{containers} containers and {sockets} socket directories of killed runs"
                ),
            },
            ADVICE,
        );
    }
    Check::ok(
        LEFTOVERS,
        match kept.len() {
            0 if elsewhere => "none here; of services in the swarm a manager knows (--host)".into(),
            0 => "none".into(),
            runs => format!("none; {runs} run(s) with containers under way"),
        },
    )
}
