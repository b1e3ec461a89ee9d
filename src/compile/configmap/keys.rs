//! The keys of the ConfigMap: every one that ingress-nginx has, and what becomes of it here.

use std::time::Duration;

use crate::annotations::{EndpointMode, Idle, go, scalar};
use crate::ir::listener::UnderscoreNames;
use crate::ir::policy::TrailingSlash;
use crate::ir::tls::Http2Offer;

use super::draft::{self, Draft, Why};

/// One key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) effect: Effect,
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Effect {
    Read(fn(&mut Draft, &str) -> Result<(), Why>),
    /// Accepted; there is nothing that it could change, and why.
    Inert(&'static str),
    /// Left out with a warning, unless the value asks for nothing.
    Missing(Idle),
    /// Every route answers 503, unless the value asks for nothing.
    Refuses(Idle),
    /// Every route that does not opt out of global authentication answers 503.
    RefusesAuthentication(Idle),
}

impl Effect {
    /// Whether the key guards anything.
    pub(super) const fn protects(self) -> bool {
        match self {
            Self::Refuses(_) | Self::RefusesAuthentication(_) => true,
            Self::Read(_) | Self::Inert(_) | Self::Missing(_) => false,
        }
    }
}

/// The row of a key.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    rows().find(|row| row.name == name)
}

/// The row whose name is nearest by edits and near enough to be meant.
pub(super) fn nearest(name: &str) -> Option<&'static Key> {
    rows()
        .map(|row| (strsim::osa_distance(name, row.name), row))
        .filter(|(distance, row)| *distance <= 2.max(row.name.len() / 5))
        .min_by_key(|(distance, row)| (*distance, row.name))
        .map(|(_, row)| row)
}

fn rows() -> impl Iterator<Item = &'static Key> {
    [REDIRECTS, ROUTES, CLIENTS, UPSTREAM, GUARDS, MISSING].into_iter().flatten().chain(NO_EFFECT)
}

const fn read(name: &'static str, read: fn(&mut Draft, &str) -> Result<(), Why>) -> Key {
    Key { name, effect: Effect::Read(read) }
}

const REDIRECTS: &[Key] = &[
    read("ssl-redirect", |d, v| draft::boolean(v, &mut d.defaults.https.redirect)),
    read("force-ssl-redirect", |d, v| draft::boolean(v, &mut d.defaults.https.force)),
    read("preserve-trailing-slash", |d, v| {
        let mut keep = false;
        draft::boolean(v, &mut keep)?;
        let kept = if keep { TrailingSlash::Preserve } else { TrailingSlash::StripOne };
        d.defaults.route.ssl_redirect.trailing_slash = kept;
        Ok(())
    }),
    read("http-redirect-code", |d, v| {
        let code = v.parse().ok().filter(|code| matches!(code, 301 | 302 | 307 | 308));
        d.defaults.route.ssl_redirect.status = code.ok_or("is none of 301, 302, 307 and 308")?;
        Ok(())
    }),
    read("no-tls-redirect-locations", |d, v| {
        d.no_tls_redirect = draft::list(v);
        Ok(())
    }),
    read("no-auth-locations", |d, v| {
        d.guards.no_auth = draft::list(v);
        Ok(())
    }),
];

const ROUTES: &[Key] = &[
    read("proxy-body-size", |d, v| {
        d.defaults.route.body_limit = scalar::body_limit(v).ok_or("is not a size such as 8m")?;
        Ok(())
    }),
    read("proxy-connect-timeout", |d, v| draft::seconds(v, &mut d.defaults.route.timeouts.connect)),
    read("proxy-read-timeout", |d, v| draft::seconds(v, &mut d.defaults.route.timeouts.read)),
    read("proxy-send-timeout", |d, v| draft::seconds(v, &mut d.defaults.route.timeouts.send)),
    read("proxy-next-upstream", |d, v| {
        d.defaults.route.retry.on = scalar::retry_conditions(v).map_err(|_| "holds a word that is no condition")?;
        Ok(())
    }),
    read("proxy-next-upstream-tries", |d, v| {
        let mut tries = 0;
        draft::number(v, &mut tries)?;
        d.defaults.route.retry.tries = (tries > 0).then_some(tries);
        Ok(())
    }),
    read("proxy-next-upstream-timeout", |d, v| {
        let mut secs = 0;
        draft::number(v, &mut secs)?;
        d.defaults.route.retry.timeout = (secs > 0).then(|| Duration::from_secs(secs.into()));
        Ok(())
    }),
    read("retry-non-idempotent", |d, v| draft::boolean(v, &mut d.defaults.retry_non_idempotent)),
    read("load-balance", |d, v| {
        d.defaults.balance = scalar::balance(v).ok_or("is neither round_robin nor ewma")?;
        Ok(())
    }),
    read("service-upstream", |d, v| {
        let mut on = false;
        draft::boolean(v, &mut on)?;
        d.defaults.endpoints = if on { EndpointMode::ClusterAddress } else { EndpointMode::Pods };
        Ok(())
    }),
];

const CLIENTS: &[Key] = &[
    read("use-forwarded-headers", |d, v| draft::boolean(v, &mut d.forwarding.on)),
    read("compute-full-forwarded-for", |d, v| draft::boolean(v, &mut d.forwarding.full)),
    read("forwarded-for-header", |d, v| draft::header(v, &mut d.forwarding.header)),
    read("proxy-real-ip-cidr", |d, v| draft::networks(v, &mut d.forwarding.trusted)),
    read("keep-alive", |d, v| {
        let mut secs = 0;
        draft::number(v, &mut secs)?;
        d.listener.keep_alive = Duration::from_secs(secs.into());
        Ok(())
    }),
    read("keep-alive-requests", |d, v| {
        let mut requests = 0;
        draft::number(v, &mut requests)?;
        d.listener.keep_alive_requests = requests.max(1);
        Ok(())
    }),
    read("client-header-timeout", |d, v| draft::seconds(v, &mut d.listener.header_timeout)),
    read("client-body-timeout", |d, v| draft::seconds(v, &mut d.listener.body_timeout)),
    read("enable-underscores-in-headers", |d, v| {
        let mut keep = false;
        draft::boolean(v, &mut keep)?;
        d.listener.underscores = if keep { UnderscoreNames::Keep } else { UnderscoreNames::Drop };
        Ok(())
    }),
    read("hsts", |d, v| draft::boolean(v, &mut d.hsts.on)),
    read("hsts-include-subdomains", |d, v| draft::boolean(v, &mut d.hsts.subdomains)),
    read("hsts-preload", |d, v| draft::boolean(v, &mut d.hsts.preload)),
    read("hsts-max-age", |d, v| {
        d.hsts.max_age_secs = v.parse().map_err(|_| "is not a whole number of seconds")?;
        Ok(())
    }),
    read("ssl-protocols", |d, v| draft::protocols(v, &mut d.listener.tls.versions)),
    read("use-http2", |d, v| {
        let mut on = true;
        draft::boolean(v, &mut on)?;
        d.listener.tls.http2 = if on { Http2Offer::Offered } else { Http2Offer::Off };
        Ok(())
    }),
    read("http2-max-concurrent-streams", |d, v| {
        let mut streams = 0;
        draft::number(v, &mut streams)?;
        d.listener.http2_max_concurrent_streams = streams.clamp(1, 10_000);
        if (1..=10_000).contains(&streams) {
            Ok(())
        } else {
            Err(Why::Partly("is not from 1 to 10000; the nearer of these is used"))
        }
    }),
    read("disable-access-log", |d, v| draft::boolean(v, &mut d.log.off)),
    read("disable-http-access-log", |d, v| draft::boolean(v, &mut d.log.off)),
    read("log-format-escape-json", |d, v| draft::boolean(v, &mut d.log.json)),
];

const UPSTREAM: &[Key] = &[
    read("upstream-keepalive-connections", |d, v| draft::number(v, &mut d.keep_alive.connections)),
    read("upstream-keepalive-timeout", |d, v| draft::number(v, &mut d.keep_alive.timeout_secs)),
    read("upstream-keepalive-requests", |d, v| draft::number(v, &mut d.keep_alive.requests)),
    read("upstream-keepalive-time", |d, v| {
        let secs = go::parse_duration(v).and_then(|time| u32::try_from(time.as_secs()).ok());
        d.keep_alive.lifetime_secs = secs.ok_or("is not a duration such as 1h")?;
        Ok(())
    }),
];

const fn refuses(name: &'static str, idle: Idle) -> Key {
    Key { name, effect: Effect::Refuses(idle) }
}

/// What guards every route, or might: of raw configuration it cannot be known.
const GUARDS: &[Key] = &[
    Key { name: "global-auth-url", effect: Effect::RefusesAuthentication(Idle::Empty) },
    refuses("whitelist-source-range", Idle::Empty),
    refuses("denylist-source-range", Idle::Empty),
    refuses("block-cidrs", Idle::Empty),
    refuses("block-user-agents", Idle::Empty),
    refuses("block-referers", Idle::Empty),
    refuses("enable-modsecurity", Idle::False),
    refuses("server-snippet", Idle::Empty),
    refuses("location-snippet", Idle::Empty),
];

const fn missing(name: &'static str, idle: Idle) -> Key {
    Key { name, effect: Effect::Missing(idle) }
}

const MISSING: &[Key] = &[
    missing("add-headers", Idle::Empty),
    missing("proxy-set-headers", Idle::Empty),
    missing("hide-headers", Idle::Empty),
    missing("custom-http-errors", Idle::Empty),
    missing("disable-proxy-intercept-errors", Idle::False),
    missing("enable-real-ip", Idle::False),
    missing("use-proxy-protocol", Idle::False),
    missing("forwarded-for-proxy-protocol-header", Idle::Word("X-Forwarded-For-Proxy-Protocol")),
    missing("proxy-add-original-uri-header", Idle::False),
    missing("allow-backend-server-header", Idle::False),
    missing("generate-request-id", Idle::True),
    missing("ignore-invalid-headers", Idle::True),
    missing("server-tokens", Idle::False),
    missing("ssl-reject-handshake", Idle::False),
    missing("ssl-ciphers", Idle::Empty),
    missing("ssl-ecdh-curve", Idle::Word("auto")),
    missing("enable-ocsp", Idle::False),
    missing("use-gzip", Idle::False),
    missing("enable-brotli", Idle::False),
    missing("relative-redirects", Idle::False),
    missing("skip-access-log-urls", Idle::Empty),
    missing("log-format-upstream", Idle::Empty),
    missing("enable-auth-access-log", Idle::False),
    missing("enable-access-log-for-default-backend", Idle::False),
    missing("access-log-path", Idle::Empty),
    missing("http-access-log-path", Idle::Empty),
    missing("enable-syslog", Idle::False),
    missing("enable-opentelemetry", Idle::False),
    missing("use-geoip2", Idle::False),
    missing("proxy-http-version", Idle::Word("1.1")),
    missing("proxy-redirect-to", Idle::Word("off")),
    missing("proxy-cookie-domain", Idle::Word("off")),
    missing("proxy-cookie-path", Idle::Word("off")),
    missing("limit-rate", Idle::Zero),
    missing("http-snippet", Idle::Empty),
    missing("main-snippet", Idle::Empty),
    missing("stream-snippet", Idle::Empty),
    missing("annotation-value-word-blocklist", Idle::Empty),
];

/// Keys that tune what is not there: nginx's buffers, hash tables, workers and Lua, and features that are off.
static NO_EFFECT: &[Key] = &[
    no_effect("access-log-params", FEATURE),
    no_effect("allow-cross-namespace-resources", "references across namespaces are never followed"),
    no_effect("allow-snippet-annotations", "snippets are never taken over"),
    no_effect("annotations-risk-level", "annotations are judged one by one, whatever their risk"),
    no_effect("bind-address", "use --bind-address"),
    no_effect("brotli-level", FEATURE),
    no_effect("brotli-min-length", FEATURE),
    no_effect("brotli-types", FEATURE),
    no_effect("client-body-buffer-size", STREAMED),
    no_effect("client-header-buffer-size", NGINX),
    no_effect("debug-connections", NGINX),
    no_effect("default-type", NGINX),
    no_effect("disable-ipv6", "use --bind-address"),
    no_effect("disable-ipv6-dns", NGINX),
    no_effect("disable-stream-access-log", FEATURE),
    no_effect("enable-aio-write", NGINX),
    no_effect("enable-multi-accept", NGINX),
    no_effect("enable-owasp-modsecurity-crs", "it extends enable-modsecurity"),
    no_effect("enable-serial-reloads", "nothing is ever reloaded"),
    no_effect("error-log-level", "use --log-level"),
    no_effect("error-log-path", NGINX),
    no_effect("fastcgi-params-configmap", FEATURE),
    no_effect("forwarded-host-header", NGINX),
    no_effect("geoip2-autoreload-in-minutes", FEATURE),
    no_effect("global-allowed-response-headers", "it permits what custom-headers asks for, which is not supported yet"),
    no_effect("global-auth-always-set-cookie", GLOBAL_AUTH),
    no_effect("global-auth-cache-duration", GLOBAL_AUTH),
    no_effect("global-auth-cache-key", GLOBAL_AUTH),
    no_effect("global-auth-method", GLOBAL_AUTH),
    no_effect("global-auth-request-redirect", GLOBAL_AUTH),
    no_effect("global-auth-response-headers", GLOBAL_AUTH),
    no_effect("global-auth-signin", GLOBAL_AUTH),
    no_effect("global-auth-signin-redirect-param", GLOBAL_AUTH),
    no_effect("global-auth-snippet", GLOBAL_AUTH),
    no_effect("grpc-buffer-size-kb", STREAMED),
    no_effect("gzip-disable", FEATURE),
    no_effect("gzip-level", FEATURE),
    no_effect("gzip-min-length", FEATURE),
    no_effect("gzip-types", FEATURE),
    no_effect("http2-max-field-size", NGINX),
    no_effect("http2-max-header-size", NGINX),
    no_effect("http2-max-requests", NGINX),
    no_effect("large-client-header-buffers", NGINX),
    no_effect("limit-conn-status-code", FEATURE),
    no_effect("limit-conn-zone-variable", FEATURE),
    no_effect("limit-rate-after", FEATURE),
    no_effect("limit-req-status-code", FEATURE),
    no_effect("log-format-escape-none", NGINX),
    no_effect("log-format-stream", FEATURE),
    no_effect("lua-shared-dicts", NGINX),
    no_effect("map-hash-bucket-size", NGINX),
    no_effect("max-worker-connections", NGINX),
    no_effect("max-worker-open-files", NGINX),
    no_effect("modsecurity-snippet", "it extends enable-modsecurity"),
    no_effect("nginx-status-ipv4-whitelist", NGINX),
    no_effect("nginx-status-ipv6-whitelist", NGINX),
    no_effect("opentelemetry-config", FEATURE),
    no_effect("opentelemetry-operation-name", FEATURE),
    no_effect("opentelemetry-trust-incoming-span", FEATURE),
    no_effect("otel-max-export-batch-size", FEATURE),
    no_effect("otel-max-queuesize", FEATURE),
    no_effect("otel-sampler", FEATURE),
    no_effect("otel-sampler-parent-based", FEATURE),
    no_effect("otel-sampler-ratio", FEATURE),
    no_effect("otel-schedule-delay-millis", FEATURE),
    no_effect("otel-service-name", FEATURE),
    no_effect("otlp-collector-host", FEATURE),
    no_effect("otlp-collector-port", FEATURE),
    no_effect("plugins", NGINX),
    no_effect("proxy-buffer-size", NGINX),
    no_effect("proxy-buffering", STREAMED),
    no_effect("proxy-buffers-number", STREAMED),
    no_effect("proxy-busy-buffers-size", STREAMED),
    no_effect("proxy-headers-hash-bucket-size", NGINX),
    no_effect("proxy-headers-hash-max-size", NGINX),
    no_effect("proxy-max-temp-file-size", STREAMED),
    no_effect("proxy-protocol-header-timeout", FEATURE),
    no_effect("proxy-redirect-from", FEATURE),
    no_effect("proxy-request-buffering", STREAMED),
    no_effect("proxy-ssl-location-only", FEATURE),
    no_effect("proxy-stream-next-upstream", FEATURE),
    no_effect("proxy-stream-next-upstream-timeout", FEATURE),
    no_effect("proxy-stream-next-upstream-tries", FEATURE),
    no_effect("proxy-stream-responses", FEATURE),
    no_effect("proxy-stream-timeout", FEATURE),
    no_effect("reuse-port", NGINX),
    no_effect("server-name-hash-bucket-size", NGINX),
    no_effect("server-name-hash-max-size", NGINX),
    no_effect("ssl-buffer-size", NGINX),
    no_effect("ssl-dh-param", "key exchange by finite fields is never offered"),
    no_effect("ssl-early-data", "early data is never taken"),
    no_effect("ssl-session-cache", NGINX),
    no_effect("ssl-session-cache-size", NGINX),
    no_effect("ssl-session-ticket-key", NGINX),
    no_effect("ssl-session-tickets", NGINX),
    no_effect("ssl-session-timeout", NGINX),
    no_effect("stream-access-log-path", FEATURE),
    no_effect("strict-validate-path-type", "it is for the admission webhook"),
    no_effect("syslog-host", FEATURE),
    no_effect("syslog-port", FEATURE),
    no_effect("upstream-hash-by", FEATURE),
    no_effect("variables-hash-bucket-size", NGINX),
    no_effect("variables-hash-max-size", NGINX),
    no_effect("worker-cpu-affinity", NGINX),
    no_effect("worker-processes", "use --workers"),
    no_effect("worker-shutdown-timeout", "use --drain-timeout"),
];

const NGINX: &str = "it tunes nginx's own machinery";
const STREAMED: &str = "bodies are streamed and never buffered";
const FEATURE: &str = "it tunes a feature that is not supported yet";
const GLOBAL_AUTH: &str = "it extends global-auth-url";

const fn no_effect(name: &'static str, why: &'static str) -> Key {
    Key { name, effect: Effect::Inert(why) }
}
