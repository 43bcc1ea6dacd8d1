//! The flags that choose what serves the containers.

use clap::{Args, ValueEnum};

use crate::docker::image::DEFAULT_IMAGE;
use crate::exit_code::Failure;
use crate::plan::{Engine, Source};

/// What serves the containers, and where it is.
#[derive(Debug, Clone, Args)]
pub(super) struct EngineChoice {
    /// What serves the containers: leakcheck's own engine, or a real Docker engine
    #[arg(long, value_enum, default_value_t = EngineKind::Synthetic, help_heading = "Containers")]
    engine: EngineKind,

    /// Docker endpoint: unix:///PATH or tcp://HOST:PORT [default: DOCKER_HOST, else
    /// unix:///var/run/docker.sock]
    #[arg(long, value_name = "URL", help_heading = "Containers")]
    host: Option<String>,

    /// Image of the containers to create [default: busybox:stable]
    #[arg(long, value_name = "REF", help_heading = "Containers")]
    image: Option<String>,
}

/// What `--engine` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EngineKind {
    /// Synthetic containers, served by leakcheck itself over a unix socket
    Synthetic,
    /// Real containers on a Docker engine
    Docker,
}

impl EngineChoice {
    /// The engine, with containers that carry the label `attach` in place of created ones.
    ///
    /// # Errors
    /// A usage failure for a flag that the synthetic engine has no use for.
    pub(super) fn with(&self, attach: Option<&str>) -> Result<Engine, Failure> {
        if self.engine == EngineKind::Synthetic {
            let for_docker = [
                ("--host", self.host.is_some()),
                ("--image", self.image.is_some()),
                ("--attach", attach.is_some()),
            ];
            return match for_docker.iter().find(|(_, given)| *given) {
                Some((flag, _)) => Err(Failure::usage(format!("{flag} needs --engine docker"))),
                None => Ok(Engine::Synthetic),
            };
        }
        let image = || self.image.clone().unwrap_or_else(|| DEFAULT_IMAGE.into());
        let source = match attach {
            Some(label) => Source::Attached {
                label: label.into(),
            },
            None => Source::Created { image: image() },
        };
        Ok(Engine::Docker {
            host: self.host.clone(),
            source,
        })
    }
}
