//! A real Docker engine for a test, and a run on it that leaves nothing behind.

use ::leakcheck::internals::docker::endpoint::Endpoint;
use ::leakcheck::internals::docker::image;
use ::leakcheck::internals::docker::image::DEFAULT_IMAGE;
use ::leakcheck::internals::docker::removal;
use ::leakcheck::internals::docker::run_id::RunId;
use bollard::Docker;
use tokio::sync::{Mutex, MutexGuard};

use super::skip;

/// The engine that `DOCKER_HOST` or the default names, with the default image on it.
///
/// `None`, with the reason printed, where there is none; under `LEAKCHECK_NO_SKIP=1` that fails.
pub async fn engine_or_skip() -> Option<Docker> {
    let engine = async {
        let (docker, _) = Endpoint::resolve(None)?.connect().await?;
        image::ensure(&docker, DEFAULT_IMAGE, |_| {}).await?;
        Ok::<_, leakcheck_report::exit_code::Failure>(docker)
    };
    match engine.await {
        Ok(docker) => Some(docker),
        Err(reason) => {
            skip(&format!("no Docker to test with: {reason}"));
            None
        }
    }
}

/// Held by a test that has `leakcheck clean` remove what dead runs left on the engine: it removes what every
/// dead run left, another test's too.
pub async fn only_one_cleans() -> MutexGuard<'static, ()> {
    static CLEANING: Mutex<()> = Mutex::const_new(());
    CLEANING.lock().await
}

/// A run whose containers go when the test ends, however it ends.
pub struct TestRun {
    pub id: RunId,
    docker: Docker,
}

impl TestRun {
    pub fn new(docker: &Docker) -> Self {
        Self {
            id: RunId::generate(),
            docker: docker.clone(),
        }
    }
}

impl Drop for TestRun {
    fn drop(&mut self) {
        // The test's own runtime may be on its way down.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime");
                if let Err(error) = runtime.block_on(removal::remove_run(&self.docker, &self.id)) {
                    eprintln!("{error}");
                }
            });
        });
    }
}
