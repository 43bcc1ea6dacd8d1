//! Requests to an engine, but for those for logs.
//!
//! bollard reads each answer whole, into a type with a field for everything that Docker may ever say. The code for
//! that would be a fifth of all that is compiled of leakcheck's own, for a dozen fields. So the answers are read as
//! [`answers`](crate::answers), which have the fields that are used.
//!
//! Each future is boxed here, so that its code is compiled once. That of an `async fn` is compiled in whatever
//! package awaits it.

use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, CreateImageInfo, ServiceSpec, TaskState};
use bollard::query_parameters::{
    CreateContainerOptions, CreateImageOptions, RemoveContainerOptionsBuilder,
    UpdateServiceOptionsBuilder,
};
use bollard::{BollardRequest, Docker};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, TryFutureExt};
use hyper::Uri;
use hyper::http::uri::PathAndQuery;
use leakcheck_text::json;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use url::Url;

use crate::answers::{Container, Info, ListedContainer, Node, Service, Task};

/// What an engine answers, or why it does not.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// Agrees on an API version.
pub fn negotiate(docker: Docker) -> Answer<'static, Docker> {
    async move { docker.negotiate_version().await }.boxed()
}

/// Whether it answers at all.
pub fn ping(docker: &Docker) -> Answer<'_, ()> {
    docker.ping().map_ok(drop).boxed()
}

/// What the engine is, how busy it is, and its part in a swarm.
pub fn info(docker: &Docker) -> Answer<'_, Info> {
    get(docker, "info", &[])
}

/// The engine's version.
pub fn version(docker: &Docker) -> Answer<'_, Option<String>> {
    let version = docker.version();
    version.map_ok(|version| version.version).boxed()
}

/// Fails with the status 404 where the engine has no such image.
pub fn image<'a>(docker: &'a Docker, name: &str) -> Answer<'a, ()> {
    let image = get::<IgnoredAny>(docker, &format!("images/{name}/json"), &[]);
    image.map_ok(drop).boxed()
}

/// Pulls an image, and tells how far that is.
pub fn pull(
    docker: &Docker,
    options: CreateImageOptions,
) -> BoxStream<'_, Result<CreateImageInfo, Error>> {
    docker.create_image(Some(options), None, None).boxed()
}

/// The containers that run and carry a label (`key` or `key=value`).
pub fn running_containers<'a>(docker: &'a Docker, label: &str) -> Answer<'a, Vec<ListedContainer>> {
    get(docker, "containers/json", &[("filters", &carrying(label))])
}

/// The containers that carry a label, also those that do not run.
pub fn containers<'a>(docker: &'a Docker, label: &str) -> Answer<'a, Vec<ListedContainer>> {
    let query = [("all", "true"), ("filters", &*carrying(label))];
    get(docker, "containers/json", &query)
}

/// All about one container.
pub fn container<'a>(docker: &'a Docker, id: &str) -> Answer<'a, Container> {
    get(docker, &format!("containers/{id}/json"), &[])
}

/// Whether a container runs.
pub fn container_runs<'a>(docker: &'a Docker, id: &str) -> Answer<'a, bool> {
    let container = container(docker, id).map_ok(|container| {
        let state = container.state.and_then(|state| state.running);
        state == Some(true)
    });
    container.boxed()
}

/// Creates a container; returns its id.
pub fn create_container(
    docker: &Docker,
    options: CreateContainerOptions,
    body: ContainerCreateBody,
) -> Answer<'_, String> {
    let created = docker.create_container(Some(options), body);
    created.map_ok(|created| created.id).boxed()
}

/// Starts a container.
pub fn start_container<'a>(docker: &'a Docker, id: &'a str) -> Answer<'a, ()> {
    docker.start_container(id, None).boxed()
}

/// Removes a container and its anonymous volumes, also where it runs.
pub fn remove_container<'a>(docker: &'a Docker, id: &'a str) -> Answer<'a, ()> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true);
    docker.remove_container(id, Some(options.build())).boxed()
}

/// The nodes of the swarm that the engine manages.
pub fn nodes(docker: &Docker) -> Answer<'_, Vec<Node>> {
    get(docker, "nodes", &[])
}

/// The tasks of that swarm whose service gives them a label.
pub fn tasks<'a>(docker: &'a Docker, label: &str) -> Answer<'a, Vec<Task>> {
    get(docker, "tasks", &[("filters", &carrying(label))])
}

/// Whether a task of that swarm runs.
pub fn task_runs<'a>(docker: &'a Docker, id: &str) -> Answer<'a, bool> {
    let task = get::<Task>(docker, &format!("tasks/{id}"), &[]).map_ok(|task| {
        let state = task.status.and_then(|status| status.state);
        state == Some(TaskState::RUNNING)
    });
    task.boxed()
}

/// The services of that swarm that carry a label.
pub fn services<'a>(docker: &'a Docker, label: &str) -> Answer<'a, Vec<Service>> {
    get(docker, "services", &[("filters", &carrying(label))])
}

/// All about one service.
pub fn service<'a>(docker: &'a Docker, id: &str) -> Answer<'a, Service> {
    get(docker, &format!("services/{id}"), &[])
}

/// Creates a service; returns its id, where the engine tells it.
pub fn create_service(docker: &Docker, spec: ServiceSpec) -> Answer<'_, Option<String>> {
    let created = docker.create_service(spec, None);
    created.map_ok(|created| created.id).boxed()
}

/// Makes a service, as it is in a version, what `spec` says.
pub fn update_service<'a>(
    docker: &'a Docker,
    id: &'a str,
    version: u64,
    spec: ServiceSpec,
) -> Answer<'a, ()> {
    let version = i32::try_from(version).unwrap_or(i32::MAX);
    let options = UpdateServiceOptionsBuilder::new().version(version).build();
    let updated = docker.update_service(id, spec, options, None);
    updated.map_ok(drop).boxed()
}

/// Removes a service.
pub fn remove_service<'a>(docker: &'a Docker, id: &'a str) -> Answer<'a, ()> {
    docker.delete_service(id).boxed()
}

/// The filter of a list that keeps what carries a label.
fn carrying(label: &str) -> String {
    Value::from_iter([("label", vec![label])]).to_string()
}

/// Gets the document at a path of the API. bollard hands over one answer as it came, that to a ping: this is a
/// ping whose address is another.
fn get<'a, T: DeserializeOwned + Send>(
    docker: &Docker,
    path: &str,
    query: &[(&str, &str)],
) -> Answer<'a, T> {
    let address = address(path, query);
    let docker = docker
        .clone()
        .with_request_modifier(move |mut request: BollardRequest| {
            if let Some(there) = address
                .as_ref()
                .and_then(|to| instead_of_ping(request.uri(), to))
            {
                *request.uri_mut() = there;
            }
            request
        });
    let answer = async move {
        let text = docker.ping().await?;
        json::parse(&text).map_err(Error::from)
    };
    answer.boxed()
}

/// A path of the API with its query, as a request has it.
fn address(path: &str, query: &[(&str, &str)]) -> Option<String> {
    let mut url = Url::parse("http://engine").ok()?;
    url.set_path(path);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    let query = url.query().map(|query| format!("?{query}"));
    Some(url.path().to_owned() + &query.unwrap_or_default())
}

/// The address of a ping, with another path behind the version of the API.
fn instead_of_ping(ping: &Uri, address: &str) -> Option<Uri> {
    let version = ping.path().strip_suffix("/_ping")?;
    let path: PathAndQuery = format!("{version}{address}").parse().ok()?;
    let mut parts = ping.clone().into_parts();
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_asked_for_behind_the_version_with_what_is_no_part_of_a_path_escaped() {
        let ping: Uri = "http://docker/v1.41/_ping".parse().expect("a URI");
        let there = |path, query| {
            let address = address(path, query).expect("an address");
            instead_of_ping(&ping, &address).expect("a URI").to_string()
        };
        assert_eq!(there("info", &[]), "http://docker/v1.41/info");
        assert_eq!(
            there("images/my registry/a?b:1/json", &[]),
            "http://docker/v1.41/images/my%20registry/a%3Fb:1/json"
        );
        assert_eq!(
            there("containers/json", &[("filters", &carrying("app=web & db"))]),
            "http://docker/v1.41/containers/json\
             ?filters=%7B%22label%22%3A%5B%22app%3Dweb+%26+db%22%5D%7D"
        );
    }
}
