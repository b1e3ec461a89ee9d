//! What clients may use at most: every limit on them, in one table.
//!
//! A limit has one name, which is its key in the ConfigMap and what its hits are counted under; a default; bounds within
//! which it can be set; and what becomes of whoever goes beyond. [`Limits`] holds the values, [`Limit::ALL`] describes
//! them: keys are read and documentation is made from it.

use std::time::Duration;

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Count,
    Octets,
    Seconds,
}

/// The description of one limit.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The key in the ConfigMap, and the label of the metric.
    pub key: &'static str,
    pub unit: Unit,
    pub default: u32,
    pub least: u32,
    pub most: u32,
    /// What is bounded.
    pub what: &'static str,
    /// What becomes of whoever goes beyond it.
    pub beyond: &'static str,
    set: fn(&mut Limits, u32),
    read: fn(&Limits) -> u64,
}

impl Limit {
    /// Sets it; a value that is out of bounds becomes the nearer of them.
    pub fn set(&self, limits: &mut Limits, value: u32) {
        (self.set)(limits, value.clamp(self.least, self.most));
    }

    /// Its value, in its unit.
    #[must_use]
    pub fn value(&self, limits: &Limits) -> u64 {
        (self.read)(limits)
    }
}

/// What holds the value of a limit.
trait Measure: Copy {
    fn of(value: u32) -> Self;
    fn value(self) -> u64;
}

impl Measure for u32 {
    fn of(value: u32) -> Self {
        value
    }

    fn value(self) -> u64 {
        self.into()
    }
}

impl Measure for Duration {
    fn of(value: u32) -> Self {
        Self::from_secs(value.into())
    }

    fn value(self) -> u64 {
        self.as_secs()
    }
}

macro_rules! limits {
    ($($constant:ident $field:ident: $type:ty = $key:literal $unit:ident $default:literal in $least:literal..=$most:literal,
        $what:literal => $beyond:literal;)*) => {
        /// The limits that hold.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Limits {
            $(#[doc = $what] pub $field: $type,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: Measure::of($default),)* }
            }
        }

        impl Limit {
            $(
                #[doc = $what]
                pub const $constant: Self = Self {
                    key: $key,
                    unit: Unit::$unit,
                    default: $default,
                    least: $least,
                    most: $most,
                    what: $what,
                    beyond: $beyond,
                    set: |limits, value| limits.$field = Measure::of(value),
                    read: |limits| Measure::value(limits.$field),
                };
            )*

            /// Every limit, in the order of a connection's life.
            pub const ALL: &'static [Self] = &[$(Self::$constant),*];
        }
    };
}

limits! {
    CONNECTIONS connections: u32 = "max-connections" Count 50_000 in 1..=10_000_000,
        "Client connections at once" => "closed at once";
    WORKER_CONNECTIONS worker_connections: u32 = "max-worker-connections" Count 16_384 in 0..=10_000_000,
        "Client connections at once of one worker; 0 is no limit beside the one in all" => "closed at once";
    ADDRESS_CONNECTIONS address_connections: u32 = "max-connections-per-address" Count 0 in 0..=10_000_000,
        "Client connections at once of one address, or of one /64 of IPv6; 0 is no limit" => "closed at once";
    HANDSHAKES handshakes: u32 = "max-worker-pending-handshakes" Count 1024 in 1..=1_000_000,
        "TLS handshakes at once of one worker" => "the one that has taken longest is broken off";
    HANDSHAKE_TIMEOUT handshake_timeout: Duration = "tls-handshake-timeout" Seconds 5 in 1..=3600,
        "Time for a whole TLS handshake" => "closed";
    HEADER_TIMEOUT header_timeout: Duration = "client-header-timeout" Seconds 60 in 1..=86_400,
        "Time for a whole request head" => "408 and close; without an octet of it, close";
    HEAD_SIZE head_octets: u32 = "max-request-head-size" Octets 32_768 in 1024..=1_048_576,
        "A request head; HTTP/2 counts as RFC 9113 §6.5.2 does" => "431; HTTP/1.1: and close; HTTP/2, from eight times that, or twice compressed: GOAWAY: ENHANCE_YOUR_CALM";
    TARGET_SIZE target_octets: u32 = "max-request-target-size" Octets 16_384 in 1024..=1_048_576,
        "A request target" => "414; HTTP/1.1: and close";
    HEADER_FIELDS header_fields: u32 = "max-request-header-fields" Count 100 in 1..=128,
        "Fields of a request head, and of request trailers; each crumb of an HTTP/2 cookie is one" => "431; HTTP/1.1: and close";
    BODY_TIMEOUT body_timeout: Duration = "client-body-timeout" Seconds 60 in 1..=86_400,
        "Time between two octets of a request body" => "408 and close";
    CHUNK_EXTENSIONS chunk_extension_octets: u32 = "max-chunk-extensions-size" Octets 1024 in 0..=65_535,
        "Chunk extensions of one request" => "400 and close";
    TRAILERS trailer_octets: u32 = "max-trailers-size" Octets 8192 in 0..=1_048_576,
        "The trailers of one HTTP/1.1 request" => "400 and close";
    SEND_TIMEOUT send_timeout: Duration = "client-send-timeout" Seconds 30 in 1..=86_400,
        "Time in which a client that has to be waited for takes client-send-minimum octets of a response" => "broken off";
    SEND_MINIMUM send_minimum: u32 = "client-send-minimum" Octets 1024 in 1..=1_048_576,
        "Octets that a client has to take in that time" => "broken off; counted as `client-send-timeout`";
    KEEP_ALIVE keep_alive: Duration = "keep-alive" Seconds 75 in 0..=4_294_967_295,
        "Time between two requests of a connection; 0 closes after each response" => "close; HTTP/2: GOAWAY";
    KEEP_ALIVE_REQUESTS keep_alive_requests: u32 = "keep-alive-requests" Count 1000 in 1..=4_294_967_295,
        "Requests of one connection" => "close after the last response; HTTP/2: GOAWAY";
    HTTP2_STREAMS http2_streams: u32 = "http2-max-concurrent-streams" Count 128 in 1..=10_000,
        "HTTP/2 streams at once of one connection" => "REFUSED_STREAM";
    HTTP2_STREAM_WINDOW http2_stream_window: u32 = "http2-stream-window" Octets 65_536 in 16_384..=16_777_216,
        "Octets of an HTTP/2 request body that are not passed on yet; 65535 until the client acknowledges it" => "FLOW_CONTROL_ERROR on the stream";
    HTTP2_CONNECTION_WINDOW http2_connection_window: u32 = "http2-connection-window" Octets 1_048_576 in 65_536..=67_108_864,
        "The same of all streams of a connection" => "GOAWAY: FLOW_CONTROL_ERROR";
    HTTP2_HEADS http2_head_octets: u32 = "http2-max-heads-size" Octets 524_288 in 32_768..=67_108_864,
        "Request heads of one HTTP/2 connection whose requests are being answered" => "REFUSED_STREAM";
    HTTP2_UNSENT http2_unsent_octets: u32 = "http2-max-unsent-size" Octets 131_072 in 16_384..=67_108_864,
        "Octets of responses of one HTTP/2 connection that are held while it takes none" => "backends wait, then client-send-timeout";
    HTTP2_RESETS http2_resets: u32 = "http2-max-resets" Count 100 in 1..=1_000_000,
        "RST_STREAM frames in 10 s, beside as many as there may be streams" => "GOAWAY: ENHANCE_YOUR_CALM";
    HTTP2_LIFE_RESETS http2_life_resets: u32 = "http2-max-resets-per-connection" Count 10_000 in 1..=4_294_967_295,
        "RST_STREAM frames of one connection" => "GOAWAY: ENHANCE_YOUR_CALM";
    HTTP2_WASTED http2_wasted: u32 = "http2-max-wasted-streams" Count 50 in 1..=1_000_000,
        "Requests given up before their answer, or refused for their size, in 10 s, beside as many as there may be streams" => "GOAWAY: ENHANCE_YOUR_CALM";
    HTTP2_PROVOKED http2_provoked_resets: u32 = "http2-max-provoked-resets" Count 200 in 1..=1_000_000,
        "Streams of one connection that are reset for what the client sent" => "GOAWAY: ENHANCE_YOUR_CALM";
    HTTP2_CONTINUATIONS http2_continuations: u32 = "http2-max-continuations" Count 20 in 0..=1000,
        "CONTINUATION frames of one head" => "GOAWAY: ENHANCE_YOUR_CALM";
    HTTP2_PINGS http2_pings: u32 = "http2-max-pings" Count 100 in 1..=1_000_000,
        "PING frames in 10 s" => "GOAWAY: ENHANCE_YOUR_CALM";
    HTTP2_SETTINGS http2_settings: u32 = "http2-max-settings" Count 50 in 1..=1_000_000,
        "SETTINGS frames in 10 s" => "GOAWAY: ENHANCE_YOUR_CALM";
    HTTP2_EMPTY_DATA http2_empty_data: u32 = "http2-max-empty-data" Count 100 in 1..=1_000_000,
        "DATA frames in 10 s that are empty and end nothing" => "GOAWAY: ENHANCE_YOUR_CALM";
    HTTP2_WINDOW_UPDATES http2_window_updates: u32 = "http2-max-window-updates" Count 1000 in 1..=1_000_000,
        "WINDOW_UPDATE frames in 10 s, beside one for each 10 octets sent" => "GOAWAY: ENHANCE_YOUR_CALM";
    HTTP2_IGNORED http2_ignored: u32 = "http2-max-ignored-frames" Count 1000 in 1..=1_000_000,
        "PRIORITY frames, acknowledged PINGs, frames of unknown kinds and fields on streams that were reset in 10 s" => "GOAWAY: ENHANCE_YOUR_CALM";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_key_of_its_own_and_a_default_within_its_bounds() {
        let mut keys: Vec<_> = Limit::ALL.iter().map(|limit| limit.key).collect();
        keys.sort_unstable();
        let declared = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), declared);
        for limit in Limit::ALL {
            assert!((limit.least..=limit.most).contains(&limit.default), "{}", limit.key);
            assert_eq!(limit.value(&Limits::default()), u64::from(limit.default), "{}", limit.key);
        }
    }

    #[test]
    fn setting_a_limit_changes_it_alone_and_stays_within_its_bounds() {
        for limit in Limit::ALL {
            let mut limits = Limits::default();
            limit.set(&mut limits, limit.most);
            assert_eq!(limit.value(&limits), u64::from(limit.most), "{}", limit.key);
            limit.set(&mut limits, 0);
            assert_eq!(limit.value(&limits), u64::from(limit.least), "{}", limit.key);
            limit.set(&mut limits, limit.default);
            assert_eq!(limits, Limits::default(), "{}", limit.key);
        }
    }
}
