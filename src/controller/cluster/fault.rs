//! What can go wrong between us and the API server, and what it asks for.

use std::fmt;
use std::time::Duration;

use kube::core::Status;

use crate::telemetry::watch::Interruption;

/// Why a request or a watch came to nothing.
#[derive(Debug)]
pub(in crate::controller) enum Fault {
    /// The server said no.
    Refused(Box<Status>),
    /// The request did not get through, or its answer did not get back.
    Client(kube::Error),
    /// No answer, or nothing on a watch, for so long.
    Silent(Duration),
    /// Watches that are ended as soon as they have begun.
    Cut,
    /// A list that is older than what was there before.
    Stale { listed: u64, known: u64 },
}

impl Fault {
    /// The reason for the metric.
    pub(super) fn reason(&self) -> Interruption {
        match self {
            Self::Refused(status) => match status.code {
                401 | 403 => Interruption::Forbidden,
                410 => Interruption::Expired,
                429 => Interruption::Throttled,
                _ => Interruption::Refused,
            },
            Self::Client(kube::Error::SerdeError(_) | kube::Error::FromUtf8(_)) => Interruption::Unreadable,
            Self::Client(_) | Self::Cut => Interruption::Connection,
            Self::Silent(_) => Interruption::Timeout,
            Self::Stale { .. } => Interruption::Stale,
        }
    }

    /// Whether there is no going on from the known version: everything must be listed again. What cannot be read may
    /// have been a change, so it counts.
    pub(super) fn needs_list(&self) -> bool {
        matches!(self.reason(), Interruption::Expired | Interruption::Unreadable | Interruption::Stale)
    }

    pub(super) fn is_forbidden(&self) -> bool {
        self.reason() == Interruption::Forbidden
    }

    fn code(&self) -> Option<u16> {
        match self {
            Self::Refused(status) => Some(status.code),
            Self::Client(_) | Self::Silent(_) | Self::Cut | Self::Stale { .. } => None,
        }
    }

    /// Someone else was faster: the object has changed, or is there already.
    pub(in crate::controller) fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// There is no such object.
    pub(in crate::controller) fn is_missing(&self) -> bool {
        self.code() == Some(404)
    }

    /// Whether it is about what was asked, so that something else may well succeed.
    pub(in crate::controller) fn is_about_object(&self) -> bool {
        self.code().is_some_and(|code| (400..500).contains(&code) && code != 401 && code != 429)
    }

    /// The object's namespace is being deleted, or gone.
    pub(in crate::controller) fn is_about_going_namespace(&self) -> bool {
        let Self::Refused(status) = self else { return false };
        let mut causes = status.details.iter().flat_map(|details| &details.causes);
        self.is_missing() || causes.any(|cause| cause.reason == "NamespaceTerminating")
    }

    /// How long the server asks to be left alone.
    pub(in crate::controller) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(status) => {
                let seconds = status.details.as_ref().map(|details| details.retry_after_seconds)?;
                (seconds > 0).then(|| Duration::from_secs(seconds.into()))
            }
            Self::Client(_) | Self::Silent(_) | Self::Cut | Self::Stale { .. } => None,
        }
    }
}

impl From<kube::Error> for Fault {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Refused(status),
            other => Self::Client(other),
        }
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    /// One line, with the causes; never the text of an answer that cannot be read, which may be a Secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status) if status.message.is_empty() => write!(f, "refused with status {}", status.code),
            Self::Refused(status) => write!(f, "refused with status {}: {}", status.code, status.message.trim()),
            Self::Client(kube::Error::SerdeError(error)) => {
                write!(f, "the answer cannot be read, at line {} column {}", error.line(), error.column())
            }
            Self::Client(kube::Error::Service(error)) => causes(f, error.as_ref()),
            Self::Client(error) => causes(f, error),
            Self::Silent(after) => write!(f, "nothing heard for {} s", after.as_secs()),
            Self::Cut => f.write_str("watches are ended as soon as they have begun"),
            Self::Stale { listed, known } => {
                write!(f, "the list is of version {listed}, older than {known}, which was there before")
            }
        }
    }
}

/// An error and its causes, those left out that the one before them repeats.
fn causes(f: &mut fmt::Formatter<'_>, error: &(dyn std::error::Error + 'static)) -> fmt::Result {
    let mut said = error.to_string();
    f.write_str(&said)?;
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !said.ends_with(&text) {
            write!(f, ": {text}")?;
        }
        said = text;
        source = cause.source();
    }
    Ok(())
}
