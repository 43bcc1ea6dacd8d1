//! The flags that choose what serves the containers.

use std::collections::HashSet;

use clap::{Args, ValueEnum};
use leakcheck_report::exit_code::Failure;

use crate::docker::endpoint::Endpoint;
use crate::docker::image::DEFAULT_IMAGE;
use crate::experiment::plan::{ContainerSource, Engine, SwarmPlan};
use crate::swarm::agents::AgentPlan;

/// What serves the containers, and where it is.
#[derive(Debug, Clone, Args)]
pub(super) struct EngineChoice {
    /// What serves the containers: leakcheck's own engine, or real Docker engines
    #[arg(long, value_enum, default_value_t = EngineKind::Synthetic, help_heading = "Containers")]
    engine: EngineKind,

    /// Docker endpoint: unix:///PATH, tcp://HOST:PORT, https://HOST:PORT or ssh://USER@HOST [default:
    /// DOCKER_HOST, else unix:///var/run/docker.sock]; repeat it to spread the containers over several
    /// engines. With --engine swarm, a manager
    #[arg(long = "host", value_name = "URL", help_heading = "Containers")]
    hosts: Vec<String>,

    /// Image of the containers to create [default: busybox:stable]
    #[arg(long, value_name = "REF", help_heading = "Containers")]
    image: Option<String>,
}

/// What `--engine` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EngineKind {
    /// Synthetic containers, served by leakcheck itself over a unix socket
    Synthetic,
    /// Real containers on Docker engines
    Docker,
    /// Real containers that a Docker Swarm places on its nodes
    Swarm,
}

impl EngineChoice {
    /// The engine, with containers that carry the label `attach` in place of created ones, and with agents
    /// where they are to follow the containers on their own nodes.
    ///
    /// # Errors
    /// A usage failure for a flag that the engine has no use for, and for a host that is named twice.
    pub(super) fn with(
        &self,
        attach: Option<&str>,
        agents: Option<AgentPlan>,
    ) -> Result<Engine, Failure> {
        let image = || self.image.clone().unwrap_or_else(|| DEFAULT_IMAGE.into());
        match self.engine {
            EngineKind::Synthetic => {
                let for_docker = [
                    ("--host", !self.hosts.is_empty()),
                    ("--image", self.image.is_some()),
                    ("--attach", attach.is_some()),
                ];
                if let Some((flag, _)) = for_docker.iter().find(|(_, given)| *given) {
                    return Err(Failure::usage(format!("{flag} needs --engine docker")));
                }
            }
            EngineKind::Swarm if attach.is_some() => {
                return Err(Failure::usage(
                    "--attach needs --engine docker: a swarm's manager does not list its nodes' containers; \
                     name the nodes' engines, one --host for each",
                ));
            }
            EngineKind::Swarm if self.hosts.len() > 1 => {
                return Err(Failure::usage(
                    "--host is given more than once: with --engine swarm one manager suffices, the swarm \
                     places the containers on its nodes",
                ));
            }
            EngineKind::Docker | EngineKind::Swarm => {}
        }
        if agents.is_some() && self.engine != EngineKind::Swarm {
            return Err(Failure::usage(
                "--agents needs --engine swarm: an agent is a task of a swarm",
            ));
        }
        let mut seen = HashSet::new();
        for host in &self.hosts {
            // Two ways to write it are one engine, whose containers would be followed twice.
            let address = Endpoint::resolve(Some(host))?.address().to_string();
            if !seen.insert(address) {
                return Err(Failure::usage(format!("--host {host} is given twice")));
            }
        }
        let source = match attach {
            _ if self.engine == EngineKind::Synthetic => return Ok(Engine::Synthetic),
            _ if self.engine == EngineKind::Swarm => {
                return Ok(Engine::Swarm(SwarmPlan {
                    manager: self.hosts.first().cloned(),
                    image: image(),
                    agents,
                }));
            }
            Some(label) => ContainerSource::Attached {
                label: label.into(),
            },
            None => ContainerSource::Created { image: image() },
        };
        Ok(Engine::Docker {
            hosts: self.hosts.clone(),
            source,
        })
    }
}
