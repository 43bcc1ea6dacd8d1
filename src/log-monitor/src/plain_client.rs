//! A client of an engine for those who ask it for anything but what is measured.

use bollard::errors::Error;
use bollard::{BollardRequest, ClientVersion, Docker};
use docker_engine::dial::Dialer;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;

/// A client like bollard's own, by connections that are closed after their request. What opens them lives as
/// long as the client. A request that is not answered within `timeout_s` seconds is given up.
///
/// # Errors
/// Fails where bollard refuses the dialer's URL.
pub fn plain_client(
    dialer: Dialer,
    timeout_s: u64,
    version: &ClientVersion,
) -> Result<Docker, Error> {
    let url = dialer.url();
    let http = HttpClient::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(dialer);
    let transport = move |request: BollardRequest| {
        let response = http.request(request);
        async move { Ok(response.await?) }
    };
    Docker::connect_with_custom_transport(transport, Some(url), timeout_s, version)
}
