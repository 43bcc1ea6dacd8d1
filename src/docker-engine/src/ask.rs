//! Requests whose answers are large documents.
//!
//! Each is boxed here. The code that reads an answer is as large as the document, and an `async fn` is compiled
//! in whatever package awaits it: so it is compiled once, in this one.

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerSummary, CreateImageInfo, Node,
    Service, ServiceSpec, SystemInfo, SystemVersion, Task, TaskState,
};
use bollard::query_parameters::{
    CreateContainerOptions, CreateImageOptions, InspectContainerOptions, ListContainersOptions,
    ListServicesOptions, ListTasksOptions, UpdateServiceOptions,
};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryFutureExt};

/// What an engine answers, or why it does not.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// What the engine is, how busy it is, and its part in a swarm.
pub fn info(docker: &Docker) -> Answer<'_, SystemInfo> {
    Box::pin(docker.info())
}

/// The engine's version.
pub fn version(docker: &Docker) -> Answer<'_, SystemVersion> {
    Box::pin(docker.version())
}

/// Fails with the status 404 where the engine has no such image.
pub fn image<'a>(docker: &'a Docker, name: &'a str) -> Answer<'a, ()> {
    Box::pin(docker.inspect_image(name).map_ok(drop))
}

/// Pulls an image, and tells how far that is.
pub fn pull(
    docker: &Docker,
    options: CreateImageOptions,
) -> BoxStream<'_, Result<CreateImageInfo, Error>> {
    docker.create_image(Some(options), None, None).boxed()
}

/// The containers that there are.
pub fn containers(
    docker: &Docker,
    options: ListContainersOptions,
) -> Answer<'_, Vec<ContainerSummary>> {
    Box::pin(docker.list_containers(Some(options)))
}

/// All about one container.
pub fn container<'a>(docker: &'a Docker, id: &'a str) -> Answer<'a, ContainerInspectResponse> {
    Box::pin(docker.inspect_container(id, None::<InspectContainerOptions>))
}

/// Whether a container runs.
pub fn container_runs<'a>(docker: &'a Docker, id: &'a str) -> Answer<'a, bool> {
    Box::pin(container(docker, id).map_ok(|answer| {
        let state = answer.state.and_then(|state| state.running);
        state == Some(true)
    }))
}

/// Creates a container; returns its id.
pub fn create_container(
    docker: &Docker,
    options: CreateContainerOptions,
    body: ContainerCreateBody,
) -> Answer<'_, String> {
    let created = docker.create_container(Some(options), body);
    Box::pin(created.map_ok(|created| created.id))
}

/// The nodes of the swarm that the engine manages.
pub fn nodes(docker: &Docker) -> Answer<'_, Vec<Node>> {
    Box::pin(docker.list_nodes(None))
}

/// The tasks of that swarm.
pub fn tasks(docker: &Docker, options: ListTasksOptions) -> Answer<'_, Vec<Task>> {
    Box::pin(docker.list_tasks(Some(options)))
}

/// Whether a task of that swarm runs.
pub fn task_runs<'a>(docker: &'a Docker, id: &'a str) -> Answer<'a, bool> {
    Box::pin(docker.inspect_task(id).map_ok(|answer| {
        let state = answer.status.and_then(|status| status.state);
        state == Some(TaskState::RUNNING)
    }))
}

/// The services of that swarm.
pub fn services(docker: &Docker, options: ListServicesOptions) -> Answer<'_, Vec<Service>> {
    Box::pin(docker.list_services(Some(options)))
}

/// All about one service.
pub fn service<'a>(docker: &'a Docker, id: &'a str) -> Answer<'a, Service> {
    Box::pin(docker.inspect_service(id, None))
}

/// Creates a service; returns its id, where the engine tells it.
pub fn create_service(docker: &Docker, spec: ServiceSpec) -> Answer<'_, Option<String>> {
    Box::pin(
        docker
            .create_service(spec, None)
            .map_ok(|created| created.id),
    )
}

/// Makes a service what `spec` says.
pub fn update_service<'a>(
    docker: &'a Docker,
    id: &'a str,
    spec: ServiceSpec,
    options: UpdateServiceOptions,
) -> Answer<'a, ()> {
    Box::pin(docker.update_service(id, spec, options, None).map_ok(drop))
}
