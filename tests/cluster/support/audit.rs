//! Who asked the API server for what, as the server has written it down.

#![expect(clippy::disallowed_methods, reason = "the server writes a file")]

use serde_json::Value;

use super::cluster::{Cluster, User};

/// One request that was answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asked {
    pub(crate) verb: String,
    /// The API group, empty for the oldest.
    pub(crate) group: String,
    /// The resource, with its subresource after a slash if it was about one.
    pub(crate) resource: String,
    pub(crate) status: u64,
}

impl Cluster {
    /// The requests of a user that were answered so far, in order; a watch is answered when it begins. Those of the
    /// administrator are not written down.
    pub(crate) fn asked_by(&self, user: &User) -> Vec<Asked> {
        let log = std::fs::read_to_string(self.plane().sandbox.outside("audit.log")).unwrap_or_default();
        // The last line may be half written.
        let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events
            .filter(|event| event["user"]["username"] == user.name.as_str())
            .filter_map(|event| asked(&event))
            .collect()
    }
}

fn asked(event: &Value) -> Option<Asked> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let verb = text(&event["verb"]);
    let stage = if verb == "watch" { "ResponseStarted" } else { "ResponseComplete" };
    let refused = event["responseStatus"]["code"].as_u64().unwrap_or_default();
    if event["stage"] != stage && (event["stage"] != "ResponseComplete" || refused < 400) {
        return None;
    }
    let about = &event["objectRef"];
    let resource = match about["subresource"].as_str() {
        Some(subresource) => format!("{}/{subresource}", text(&about["resource"])),
        None => text(&about["resource"]),
    };
    Some(Asked { verb, group: text(&about["apiGroup"]), resource, status: refused })
}
