//! Every metric that is exposed: its name, kind, labels and meaning. Documentation and exposition are made from this.

/// The kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    /// The labels besides those of the controller.
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

impl Family {
    /// Whether this is one of ingress-nginx's metrics about requests, which are labelled by route.
    #[must_use]
    pub fn is_of_requests(&self) -> bool {
        self.labels == REQUEST
    }
}

/// The labels of ingress-nginx's request metrics.
const REQUEST: &[&str] = &["status", "method", "path", "namespace", "ingress", "service", "canary", "host"];

/// The labels of what a certificate says of itself.
const CERTIFICATE: &[&str] = &[
    "namespace",
    "class",
    "host",
    "secret_name",
    "identifier",
    "issuer_organization",
    "issuer_common_name",
    "serial_number",
    "public_key_algorithm",
];

macro_rules! families {
    ($($constant:ident = $kind:ident $name:literal $labels:expr, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Family =
                Family { name: $name, kind: Kind::$kind, labels: $labels, help: $help };
        )*
        /// Every metric, in order of exposition.
        pub const FAMILIES: &[&Family] = &[$(&$constant),*];
    };
}

families! {
    REQUESTS = Counter "nginx_ingress_controller_requests" REQUEST,
        "The total number of client requests";
    REQUEST_DURATION = Histogram "nginx_ingress_controller_request_duration_seconds" REQUEST,
        "Time from the first octet of a request to the last of its response, in seconds";
    CONNECT_DURATION = Histogram "nginx_ingress_controller_connect_duration_seconds" REQUEST,
        "Time to a connection with the endpoint, in seconds; next to nothing where an idle connection was used";
    HEADER_DURATION = Histogram "nginx_ingress_controller_header_duration_seconds" REQUEST,
        "Time to the first response head from the endpoint, in seconds";
    RESPONSE_DURATION = Histogram "nginx_ingress_controller_response_duration_seconds" REQUEST,
        "Time to the whole response from the endpoint, in seconds";
    REQUEST_SIZE = Histogram "nginx_ingress_controller_request_size" REQUEST,
        "Octets of requests: request line, fields and body";
    RESPONSE_SIZE = Histogram "nginx_ingress_controller_response_size" REQUEST,
        "Octets of responses: status line, fields and body";
    BYTES_SENT = Histogram "nginx_ingress_controller_bytes_sent" REQUEST,
        "Octets sent to clients, in the wider buckets of an older metric; deprecated in ingress-nginx";
    CONFIG_HASH = Gauge "nginx_ingress_controller_config_hash" &[],
        "The generation that is live: a number that changes whenever the configuration does";
    CONFIG_SUCCESSFUL = Gauge "nginx_ingress_controller_config_last_reload_successful" &[],
        "Whether the last attempt to publish a configuration succeeded";
    CONFIG_SUCCESSFUL_TIME = Gauge "nginx_ingress_controller_config_last_reload_successful_timestamp_seconds" &[],
        "When a configuration was last published, in seconds since 1970";
    SUCCESS = Counter "nginx_ingress_controller_success" &[],
        "Configurations published";
    ERRORS = Counter "nginx_ingress_controller_errors" &[],
        "Attempts to publish a configuration that failed";
    SSL_EXPIRE_TIME = Gauge "nginx_ingress_controller_ssl_expire_time_seconds"
        &["namespace", "class", "host", "secret_name", "identifier"],
        "When the certificate served for a host expires, in seconds since 1970; the default certificate is that of _";
    SSL_CERTIFICATE_INFO = Gauge "nginx_ingress_controller_ssl_certificate_info"
        CERTIFICATE,
        "What the certificate served for a host says of itself; always 1";
    ORPHAN_INGRESS = Gauge "nginx_ingress_controller_orphan_ingress" &["namespace", "ingress", "type"],
        "1 for an Ingress that refers to a Service without endpoints";
    LEADER = Gauge "nginx_ingress_controller_leader_election_status" &["name"],
        "Whether this process holds the Lease of that name, and so writes statuses and Events";
    STATUS_UPDATES = Counter "landfall_status_updates_total" &["outcome"],
        "Statuses of Ingresses that were written, and attempts that failed";
    EVENTS = Counter "landfall_events_total" &["outcome"],
        "Events that were written, attempts that failed, and diagnostics that got none because of a limit";
    CONNECTIONS_ACCEPTED = Counter "landfall_connections_accepted_total" &["listener"],
        "Client connections taken from the accept queue";
    CONNECTIONS_HANDLED = Counter "landfall_connections_handled_total" &["listener"],
        "Client connections served to their end";
    CONNECTIONS_HANDED_OVER = Counter "landfall_connections_handed_over_total" &["listener"],
        "Client connections given to another worker than the one that accepted them, because it has fewer";
    CONNECTIONS_SHED = Counter "landfall_connections_shed_total" &["listener"],
        "Client connections closed at once because a limit was reached";
    ACCEPT_ERRORS = Counter "landfall_accept_errors_total" &["listener"],
        "Failures to accept a connection";
    CONNECTIONS_ACTIVE = Gauge "landfall_connections_active" &["listener"],
        "Client connections that are open";
    REQUESTS_ACTIVE = Gauge "landfall_requests_active" &[],
        "Requests being served";
    REJECTED = Counter "landfall_requests_rejected_total" &["code"],
        "Requests answered with an error of ours, by cause";
    LIMITED = Counter "landfall_limits_hit_total" &["limit"],
        "Times that a limit was reached, by its name";
    TLS_HANDSHAKES = Counter "landfall_tls_handshakes_total" &["outcome"],
        "TLS handshakes with clients";
    UPGRADES = Counter "landfall_upgrades_total" &[],
        "Connections upgraded to another protocol";
    UPSTREAM_ATTEMPTS = Counter "landfall_upstream_attempts_total" &["outcome"],
        "Attempts at endpoints";
    UPSTREAM_CONNECTIONS = Counter "landfall_upstream_connections_total" &["origin"],
        "Connections taken for attempts: reused ones and newly opened ones";
    UPSTREAM_IDLE = Gauge "landfall_upstream_connections_idle" &[],
        "Idle connections to endpoints";
    RETRIES = Counter "landfall_retries_total" &[],
        "Requests tried again on another endpoint or connection";
    PANICS = Counter "landfall_panics_total" &[],
        "Requests that ended in a panic of ours";
    LOG_LINES_DROPPED = Counter "landfall_access_log_lines_dropped_total" &[],
        "Access log lines that were not written because the writer fell behind or failed";
    GENERATION = Gauge "landfall_generation" &[],
        "The generation of the state that requests are served by";
    OBJECTS = Gauge "landfall_objects" &["kind"],
        "Objects that the live generation was made from";
    DIAGNOSTICS = Gauge "landfall_diagnostics" &["severity", "code"],
        "Diagnostics of the live generation";
    COMPILE_SECONDS = Gauge "landfall_compile_seconds" &[],
        "What compiling the live generation took, in seconds";
    PUBLISH_SECONDS = Gauge "landfall_publish_seconds" &[],
        "Time from the first change to the live generation, in seconds";
    WATCH_UP = Gauge "landfall_watch_up" &["kind"],
        "Whether the objects of a kind are being followed in the cluster; 0 while that is interrupted";
    WATCH_INTERRUPTIONS = Counter "landfall_watch_interruptions_total" &["kind", "reason"],
        "Times that following the objects of a kind was interrupted, by reason; once for each reason that kept it so";
    WATCH_LISTS = Counter "landfall_watch_lists_total" &["kind"],
        "Times that all objects of a kind were listed";
    WATCH_EVENTS = Counter "landfall_watch_events_total" &["kind"],
        "Changes of objects that the cluster told of";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_prometheus_name_and_declared_once() {
        let mut names: Vec<_> = FAMILIES.iter().map(|family| family.name).collect();
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
        names.sort_unstable();
        let declared = names.len();
        names.dedup();
        assert_eq!(names.len(), declared);
    }
}
