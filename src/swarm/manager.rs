//! A manager of a swarm: found, and asked for the nodes.

use std::collections::BTreeMap;

use bollard::Docker;
use bollard::models::{LocalNodeState, NodeState};
use docker_engine::answers::SwarmInfo;
use docker_engine::ask;
use docker_engine::error_text::told;
use leakcheck_report::exit_code::Failure;

use crate::docker::endpoint::Endpoint;

/// A node of a swarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its host name; with its id where another node has the same.
    pub name: String,
    /// What is wrong with it, in the swarm's words (`down`); `None` where it is ready, or where nobody has
    /// heard of it yet, as after the choice of another manager to lead the swarm.
    pub trouble: Option<String>,
}

/// Connects to a manager.
///
/// # Errors
/// A usage failure where the endpoint is malformed; an environment failure where no engine answers there,
/// or one that manages no swarm.
pub async fn connect(host: Option<&str>) -> Result<(Docker, Endpoint), Failure> {
    let (docker, endpoint) = Endpoint::resolve(host)?.connect().await?;
    let info = ask::info(&docker).await.map_err(|error| {
        Failure::environment(format!(
            "{endpoint} does not tell of its swarm: {}",
            told(&error)
        ))
    })?;
    match no_manager(info.swarm.as_ref()) {
        Some(why) => Err(Failure::environment(format!("{endpoint} {why}"))),
        None => Ok((docker, endpoint)),
    }
}

/// What an engine is in a swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It manages one.
    Manager,
    /// It works for one: only a manager knows of the services.
    Worker,
    /// It is in none.
    None,
}

/// What the engine is in a swarm.
///
/// # Errors
/// An environment failure where the engine does not tell.
pub async fn part_of(docker: &Docker) -> Result<Part, Failure> {
    let info = ask::info(docker).await.map_err(|error| {
        Failure::environment(format!(
            "the engine does not tell of its swarm: {}",
            told(&error)
        ))
    })?;
    let swarm = info.swarm.as_ref();
    let state = swarm.and_then(|swarm| swarm.local_node_state);
    match (no_manager(swarm), state) {
        (None, _) => Ok(Part::Manager),
        (Some(_), Some(LocalNodeState::ACTIVE)) => Ok(Part::Worker),
        (Some(why), Some(LocalNodeState::LOCKED)) => Err(Failure::environment(format!(
            "the engine cannot tell of its swarm: it {why}"
        ))),
        (_, Some(state @ (LocalNodeState::PENDING | LocalNodeState::ERROR))) => {
            Err(Failure::environment(format!(
                "the engine cannot tell of its swarm, which is in the state {state}"
            )))
        }
        _ => Ok(Part::None),
    }
}

fn no_manager(swarm: Option<&SwarmInfo>) -> Option<String> {
    let state = swarm.and_then(|swarm| swarm.local_node_state);
    if swarm.and_then(|swarm| swarm.control_available) == Some(true) {
        return None;
    }
    Some(match state {
        Some(LocalNodeState::ACTIVE) => {
            let managers = swarm.and_then(|swarm| swarm.remote_managers.as_ref());
            let addresses: Vec<_> = managers
                .into_iter()
                .flatten()
                .filter_map(|manager| manager.addr.as_deref())
                .collect();
            format!(
                "is a worker of a swarm: name a manager with --host (its managers: {})",
                addresses.join(", ")
            )
        }
        Some(LocalNodeState::LOCKED) => "is locked: docker swarm unlock".into(),
        _ => "is in no swarm: name a manager with --host, make one with docker swarm init, or try it \
             on this machine with scripts/swarm-up"
            .into(),
    })
}

/// The nodes by their ids.
///
/// # Errors
/// An environment failure where the manager does not answer.
pub async fn nodes(docker: &Docker) -> Result<BTreeMap<String, Node>, Failure> {
    let listed = ask::nodes(docker).await.map_err(|error| {
        Failure::environment(format!(
            "the swarm's manager does not tell its nodes: {}",
            told(&error)
        ))
    })?;
    let mut nodes = BTreeMap::new();
    let mut named: BTreeMap<String, u32> = BTreeMap::new();
    for node in listed {
        let Some(id) = node.id else { continue };
        let name = node
            .description
            .and_then(|description| description.hostname);
        let name = name.unwrap_or_else(|| id.clone());
        *named.entry(name.clone()).or_default() += 1;
        let state = node.status.and_then(|status| status.state);
        let is_gone =
            |state: &NodeState| [NodeState::DOWN, NodeState::DISCONNECTED].contains(state);
        let trouble = state.filter(is_gone).map(|state| state.to_string());
        nodes.insert(id, Node { name, trouble });
    }
    for (id, node) in &mut nodes {
        if named.get(&node.name).is_some_and(|nodes| *nodes > 1) {
            node.name = format!("{} ({})", node.name, id.get(..8).unwrap_or(id));
        }
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_manages_no_swarm_is_told_from_one_that_works_for_one() {
        let swarm = |state, control| SwarmInfo {
            local_node_state: Some(state),
            control_available: Some(control),
            ..SwarmInfo::default()
        };
        let told = |swarm: SwarmInfo| no_manager(Some(&swarm)).unwrap_or_default();
        assert_eq!(told(swarm(LocalNodeState::ACTIVE, true)), "");
        assert!(told(swarm(LocalNodeState::ACTIVE, false)).contains("is a worker"));
        assert!(told(swarm(LocalNodeState::INACTIVE, false)).contains("is in no swarm"));
        assert!(no_manager(None).is_some_and(|told| told.contains("is in no swarm")));
    }
}
