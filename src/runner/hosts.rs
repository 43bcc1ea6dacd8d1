//! The hosts of a wiring's containers, looked at after each rotation: whether their engines answer still,
//! and whether a scheduler has moved containers.

use std::time::Duration;

use futures_util::future::join_all;
use leakcheck_report::exit_code::Failure;

use super::engine_handle::EngineHandle;
use crate::swarm::replicas::{Look, Moved, Replicas};

/// How often a manager is asked before it counts as gone, and how long after another.
const ASKED: u32 = 5;
const PAUSE: Duration = Duration::from_secs(2);

/// Where a wiring's containers are.
pub(super) struct Hosts<'a> {
    /// The engine of each share of them.
    engines: Vec<&'a EngineHandle>,
    /// Where a swarm has placed them.
    replicas: Option<Replicas>,
    /// How many of each share were away when they were looked at last.
    away: Vec<u64>,
}

/// What has become of the containers since they were looked at last.
#[derive(Debug, Default)]
pub(super) struct HostNews {
    /// Those in whose place another is to be followed.
    pub(super) moved: Vec<Moved>,
    /// How many of each share a scheduler has taken away or brought back.
    pub(super) disturbed: Vec<u64>,
    /// Shares that are gone with their host, and why.
    pub(super) lost: Vec<(usize, String)>,
}

impl<'a> Hosts<'a> {
    pub(super) fn new(engines: Vec<&'a EngineHandle>, replicas: Option<Replicas>) -> Self {
        Self {
            away: vec![0; engines.len()],
            engines,
            replicas,
        }
    }

    /// Looks at all containers after a rotation, which so many of each share did not make.
    pub(super) async fn look(&mut self, rotation: u64, behind: &[u64]) -> HostNews {
        match &mut self.replicas {
            Some(replicas) => {
                let mut look = replicas.look(rotation).await;
                // A swarm may be choosing another of its managers to lead it.
                for _ in 1..ASKED {
                    if look.is_ok() {
                        break;
                    }
                    tokio::time::sleep(PAUSE).await;
                    look = replicas.look(rotation).await;
                }
                self.news(look)
            }
            None => HostNews {
                lost: self.silent(behind).await,
                disturbed: vec![0; behind.len()],
                moved: Vec::new(),
            },
        }
    }

    /// Whether a scheduler has containers still to bring back.
    pub(super) fn await_some(&self) -> bool {
        self.away.iter().any(|away| *away > 0)
    }

    fn news(&mut self, look: Result<Look, Failure>) -> HostNews {
        let look = match look {
            Ok(look) => look,
            // Nobody is left to ask for the logs of any container.
            Err(failure) => {
                let lost = (0..self.engines.len()).map(|share| (share, failure.to_string()));
                return HostNews {
                    lost: lost.collect(),
                    ..HostNews::default()
                };
            }
        };
        let mut disturbed = look.away.clone();
        for moved in &look.moved {
            disturbed[moved.share] += 1;
        }
        self.away = look.away;
        HostNews {
            moved: look.moved,
            disturbed,
            lost: look.lost,
        }
    }

    /// The shares with containers that are behind whose engine does not answer.
    async fn silent(&self, behind: &[u64]) -> Vec<(usize, String)> {
        let shares = behind.iter().enumerate().filter(|(_, behind)| **behind > 0);
        let asked = shares.map(|(share, _)| async move { Some((share, self.gone(share).await?)) });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn gone(&self, share: usize) -> Option<String> {
        self.engines.get(share)?.listening()?.gone().await
    }
}
