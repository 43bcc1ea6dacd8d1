//! What an engine answers. Of each document there is here what leakcheck asks for, by the names of Docker's API;
//! what an engine leaves out is `None`.

use std::collections::HashMap;

use bollard::models::{LocalNodeState, NodeState, TaskState};
use serde::Deserialize;

/// An engine as a whole: `GET /info`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Info {
    /// Its goroutines, where it tells them.
    pub n_goroutines: Option<i64>,
    /// Its open file descriptors, where it tells them.
    pub n_fd: Option<i64>,
    /// Its part in a swarm.
    pub swarm: Option<SwarmInfo>,
}

/// An engine's part in a swarm.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SwarmInfo {
    /// How its node is.
    pub local_node_state: Option<LocalNodeState>,
    /// Whether it manages the swarm.
    pub control_available: Option<bool>,
    /// The swarm's managers.
    pub remote_managers: Option<Vec<Manager>>,
}

/// A manager of a swarm.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Manager {
    /// Its host and port.
    pub addr: Option<String>,
}

/// A container in a list: `GET /containers/json`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedContainer {
    /// Its id.
    pub id: Option<String>,
    /// When it was created, in seconds of Unix time.
    pub created: Option<i64>,
    /// Its labels.
    pub labels: Option<HashMap<String, String>>,
}

/// A container: `GET /containers/{id}/json`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Container {
    /// Its name, behind a slash.
    pub name: Option<String>,
    /// What it was created with.
    pub config: Option<ContainerConfig>,
    /// How it is.
    pub state: Option<ContainerState>,
}

/// What a container was created with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerConfig {
    /// Whether it has a terminal.
    pub tty: Option<bool>,
}

/// How a container is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerState {
    /// Whether it runs.
    pub running: Option<bool>,
}

/// A node of a swarm: `GET /nodes`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Node {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: Option<String>,
    /// What it tells of itself.
    pub description: Option<NodeDescription>,
    /// How it is.
    pub status: Option<NodeStatus>,
}

/// What a node tells of itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeDescription {
    /// The name of its host.
    pub hostname: Option<String>,
}

/// How a node is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeStatus {
    /// In one word.
    pub state: Option<NodeState>,
}

/// A task of a swarm: `GET /tasks` and `GET /tasks/{id}`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Task {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: Option<String>,
    /// The id of its service.
    #[serde(rename = "ServiceID")]
    pub service_id: Option<String>,
    /// Which replica of the service it is.
    pub slot: Option<i64>,
    /// The id of its node.
    #[serde(rename = "NodeID")]
    pub node_id: Option<String>,
    /// How it is.
    pub status: Option<TaskStatus>,
    /// How the swarm wants it to be.
    pub desired_state: Option<TaskState>,
}

/// How a task is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TaskStatus {
    /// In one word.
    pub state: Option<TaskState>,
    /// What went wrong.
    pub err: Option<String>,
}

/// A service of a swarm: `GET /services` and `GET /services/{id}`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Service {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: Option<String>,
    /// Which of its versions this is; who changes it names the one that is to be changed.
    pub version: Option<ServiceVersion>,
    /// When it was created, by RFC 3339.
    pub created_at: Option<String>,
    /// What it is to be.
    pub spec: Option<ServiceSpec>,
}

/// A version of a service.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceVersion {
    /// Its number.
    pub index: Option<u64>,
}

/// What a service is to be.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceSpec {
    /// Its labels.
    pub labels: Option<HashMap<String, String>>,
    /// How many tasks it is to have.
    pub mode: Option<ServiceMode>,
}

/// How many tasks a service is to have.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceMode {
    /// So many, wherever; `None` where it has one on each node.
    pub replicated: Option<Replicated>,
}

/// A number of tasks.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Replicated {
    /// The number.
    pub replicas: Option<i64>,
}
