//! The API's errors, in Docker's words: a status and `{"message": …}`.

use hyper::StatusCode;

/// An error answer. The texts of those that Docker has too are Docker's (engine 20.10), so that
/// clients that match on them behave as they do with a real engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// What was wrong.
    pub message: String,
}

impl ApiError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// A parameter that makes no sense: 400.
    pub fn bad_parameter(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// A path or a method that the API does not have: 404.
    pub fn page_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "page not found")
    }

    /// What Docker's engine has, and this one has not: 501.
    pub fn not_implemented() -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "the synthetic engine has containers and their logs, and nothing else",
        )
    }

    /// Whether this engine does not know what it was asked.
    pub fn is_unknown_here(&self) -> bool {
        self.status == StatusCode::NOT_IMPLEMENTED || *self == Self::page_not_found()
    }

    /// No container has this id or name: 404.
    pub fn no_such_container(reference: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("No such container: {reference}"),
        )
    }

    /// Several ids start so: 500, as in Docker.
    pub fn ambiguous_prefix(prefix: &str) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("Multiple IDs found with provided prefix: {prefix}"),
        )
    }

    /// Logs of neither stdout nor stderr: 400.
    pub fn no_stream_chosen() -> Self {
        Self::bad_parameter("Bad parameters: you must choose at least one stream")
    }

    /// A filter, or a filter's value, that Docker does not have: 400.
    pub fn invalid_filter(filter: impl std::fmt::Display) -> Self {
        Self::bad_parameter(format!("Invalid filter '{filter}'"))
    }

    /// A filter that Docker has and this engine has not: 501, rather than a wrong answer.
    pub fn unsupported_filter(filter: &str) -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            format!("the synthetic engine does not know the filter '{filter}'; leave it out"),
        )
    }

    /// Killing a container that does not run: 409.
    pub fn not_running(reference: &str, id: &str) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            format!("Cannot kill container: {reference}: Container {id} is not running"),
        )
    }

    /// Removing a running container without force: 409.
    pub fn removing_running(id: &str) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            format!(
                "You cannot remove a running container {id}. \
                 Stop the container before attempting removal or force remove"
            ),
        )
    }

    /// The log of a container that is being removed: 409.
    pub fn marked_for_removal() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "can not get logs from container which is dead or marked for removal",
        )
    }

    /// A failure of the engine's own that was asked for (`--fault error-500`): 500.
    pub fn injected() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the synthetic engine fails on purpose, as --fault error-500 asks",
        )
    }

    /// The same error as a part of what was tried.
    #[must_use]
    pub fn context(self, what: impl std::fmt::Display) -> Self {
        Self {
            message: format!("{what}: {}", self.message),
            ..self
        }
    }
}
