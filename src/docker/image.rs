//! The image that real containers run: found, else pulled.

use std::collections::HashMap;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptionsBuilder;
use docker_engine::ask;
use docker_engine::error_text::{is_not_found, told};
use futures_util::StreamExt;
use leakcheck_report::exit_code::Failure;

/// The image that containers run when `--image` names no other.
pub const DEFAULT_IMAGE: &str = "busybox:stable";

/// How far a pull is, summed over the image's layers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullProgress {
    /// What the engine is doing, in its words: `Downloading`, `Extracting` …
    pub status: String,
    /// Bytes downloaded.
    pub current_bytes: u64,
    /// Bytes to download in the layers known so far; 0 while none is.
    pub total_bytes: u64,
}

/// Whether the engine has the image.
///
/// # Errors
/// A usage failure when `image` is no image reference, an environment failure when the engine
/// does not answer.
pub async fn is_present(docker: &Docker, image: &str) -> Result<bool, Failure> {
    // An empty name would ask for the list of all images.
    if image.trim().is_empty() {
        return Err(Failure::usage(
            "--image is empty: name one, as in busybox:stable",
        ));
    }
    match ask::image(docker, image).await {
        Ok(()) => Ok(true),
        Err(error) if is_not_found(&error) => Ok(false),
        Err(Error::DockerResponseServerError {
            status_code: 400,
            message,
        }) => Err(Failure::usage(format!("--image {image:?}: {message}"))),
        Err(error) => Err(Failure::environment(format!(
            "cannot ask the engine for the image {image}: {}",
            told(&error)
        ))),
    }
}

/// Makes sure that the engine has the image, and pulls it when it has not.
///
/// # Errors
/// As [`is_present`]; and an environment failure that says what else to do when the pull fails.
pub async fn ensure(
    docker: &Docker,
    image: &str,
    mut on_progress: impl FnMut(PullProgress),
) -> Result<(), Failure> {
    if is_present(docker, image).await? {
        return Ok(());
    }
    let (name, tag) = split_tag(image);
    let options = CreateImageOptionsBuilder::new()
        .from_image(name)
        .tag(tag)
        .build();
    let mut pull = ask::pull(docker, options);
    let mut layers = Layers::default();
    while let Some(step) = pull.next().await {
        match step {
            Ok(info) => on_progress(layers.take(info)),
            Err(error) => return Err(unavailable(image, &told(&error))),
        }
    }
    if is_present(docker, image).await? {
        Ok(())
    } else {
        Err(unavailable(
            image,
            "the pull ended, and the image is not there",
        ))
    }
}

fn unavailable(image: &str, why: &str) -> Failure {
    let import = if image == DEFAULT_IMAGE {
        "scripts/import-busybox".to_owned()
    } else {
        format!("scripts/import-busybox {image}")
    };
    Failure::environment(format!(
        "the engine has no image {image} and cannot pull it ({why}). Without a registry, make one \
         out of a static busybox ({import}), or name an image that the engine has with --image \
         (docker image ls)"
    ))
}

/// The reference as the engine's API wants it: without a tag it would pull every tag there is.
fn split_tag(image: &str) -> (&str, &str) {
    if image.contains('@') {
        return (image, "");
    }
    match image.rsplit_once(':') {
        // A colon before a slash belongs to a registry's port.
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

/// The layers seen so far: bytes downloaded and bytes in all.
#[derive(Default)]
struct Layers(HashMap<String, (u64, u64)>);

impl Layers {
    fn take(&mut self, info: CreateImageInfo) -> PullProgress {
        let status = info.status.unwrap_or_default();
        // Extraction counts the same bytes a second time.
        if let (Some(layer), Some(progress), "Downloading") =
            (info.id, info.progress_detail, status.as_str())
        {
            let bytes = |count: Option<i64>| count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
            self.0
                .insert(layer, (bytes(progress.current), bytes(progress.total)));
        }
        PullProgress {
            status,
            current_bytes: self.0.values().map(|(current, _)| current).sum(),
            total_bytes: self.0.values().map(|(_, total)| total).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::ProgressDetail;

    #[test]
    fn a_registrys_port_is_not_taken_for_a_tag() {
        assert_eq!(split_tag("busybox:stable"), ("busybox", "stable"));
        assert_eq!(
            split_tag("host:5000/team/box"),
            ("host:5000/team/box", "latest")
        );
        assert_eq!(split_tag("host:5000/box:1"), ("host:5000/box", "1"));
        assert_eq!(split_tag("box@sha256:00"), ("box@sha256:00", ""));
    }

    #[test]
    fn progress_sums_the_layers_and_counts_no_byte_twice() {
        let step = |id: &str, status: &str, current| CreateImageInfo {
            id: Some(id.into()),
            status: Some(status.into()),
            progress_detail: Some(ProgressDetail {
                current: Some(current),
                total: Some(100),
            }),
            ..Default::default()
        };
        let mut layers = Layers::default();
        layers.take(step("a", "Downloading", 40));
        layers.take(step("b", "Downloading", 10));
        layers.take(step("a", "Downloading", 100));
        let last = layers.take(step("a", "Extracting", 5));
        assert_eq!((last.current_bytes, last.total_bytes), (110, 200));
    }
}
