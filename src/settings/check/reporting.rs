//! Flags about statuses, Events and the election, read.

use std::net::IpAddr;
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::ir::{ObjectKind, ObjectRef};
use crate::settings::go::parse_duration;
use crate::settings::reporting::{
    AddressSource, Election, NodeAddresses, Reporting, ReportingFlags, StatusAddress, StatusUpdates,
};

use super::{Check, non_empty};

/// The longest DNS name, RFC 1123 and the API server's `IsDNS1123Subdomain`.
const LONGEST_NAME: usize = 253;

impl Check {
    pub(super) fn reporting(&mut self, flags: &ReportingFlags) -> Reporting {
        let statuses = self.statuses(flags);
        let updates = self.bool("--update-status", &flags.update_status);
        let election = self.election(flags);
        let elects = !self.bool("--disable-leader-election", &flags.disable_leader_election);
        Reporting {
            statuses: updates.then_some(statuses),
            election: elects.then_some(election),
            events: !self.bool("--disable-sync-events", &flags.disable_sync_events),
            pod: flags.pod.clone(),
        }
    }

    fn statuses(&mut self, flags: &ReportingFlags) -> StatusUpdates {
        StatusUpdates {
            source: self.address_source(flags),
            clear_on_shutdown: self.bool("--update-status-on-shutdown", &flags.update_status_on_shutdown),
            interval: self.interval(&flags.status_update_interval),
        }
    }

    fn address_source(&mut self, flags: &ReportingFlags) -> AddressSource {
        let internal = self.bool("--report-node-internal-ip-address", &flags.report_node_internal_ip_address);
        let nodes = if internal { NodeAddresses::Internal } else { NodeAddresses::External };
        let service = self.object("--publish-service", ObjectKind::Service, &flags.publish_service);
        let Some(given) = non_empty(&flags.publish_status_address) else {
            return service.map_or(AddressSource::Nodes(nodes), AddressSource::Service);
        };
        if service.is_some() {
            let message = format!("{given:?} cannot be given together with --publish-service");
            self.error("conflicting-flags", "--publish-status-address", message);
        }
        AddressSource::Given(self.addresses(given))
    }

    /// Addresses separated by commas and any white space.
    fn addresses(&mut self, given: &str) -> Vec<StatusAddress> {
        let flag = "--publish-status-address";
        let mut addresses = Vec::new();
        for item in given.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            match StatusAddress::parse(item) {
                Some(address) => addresses.push(address),
                None => self.wrong(flag, item, "is neither an IP address nor a DNS name"),
            }
        }
        if given.split(',').all(|item| item.trim().is_empty()) {
            self.wrong(flag, given, "holds no address");
        }
        addresses.sort();
        addresses.dedup();
        addresses
    }

    /// A number of seconds; too small a one is raised, as ingress-nginx does.
    fn interval(&mut self, value: &str) -> Duration {
        let flag = "--status-update-interval";
        let shortest = StatusUpdates::SHORTEST_INTERVAL;
        let Some(seconds) = self.parsed::<i64>(flag, value, "is not a whole number of seconds") else {
            return shortest;
        };
        let asked = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        if asked < shortest {
            self.note(flag, format!("{value:?} is too short; {shortest:?} are used"));
        }
        asked.max(shortest)
    }

    fn election(&mut self, flags: &ReportingFlags) -> Election {
        if !is_dns_name(&flags.election_id) {
            self.wrong("--election-id", &flags.election_id, "is not a name that a Lease can have");
        }
        Election { lease: flags.election_id.clone(), ttl: self.ttl(&flags.election_ttl) }
    }

    /// Zero and less stand for the default, as in ingress-nginx.
    fn ttl(&mut self, value: &str) -> Duration {
        let flag = "--election-ttl";
        let (sign, length) = value.strip_prefix('-').map_or((1, value), |length| (-1, length));
        let Some(length) = parse_duration(length) else {
            self.wrong(flag, value, "is not a duration such as 30s or 1m30s");
            return Election::DEFAULT_TTL;
        };
        if length.is_zero() || sign < 0 {
            self.note(flag, format!("{value:?} is no length of time; {:?} are used", Election::DEFAULT_TTL));
            return Election::DEFAULT_TTL;
        }
        if length < Election::SHORTEST_TTL {
            self.wrong(flag, value, "is shorter than 1s, the least that a Lease can hold for");
        }
        length
    }

    /// Says of addresses given in vain.
    pub(super) fn reports_to_nobody(&mut self, flags: &ReportingFlags) {
        let given = [
            ("--publish-service", &flags.publish_service),
            ("--publish-status-address", &flags.publish_status_address),
        ];
        for (flag, value) in given.into_iter().filter(|(_, value)| !value.is_empty()) {
            let provenance = ObjectRef::new(ObjectKind::Setting, "", flag).field("");
            let message = format!("{value:?} has no effect: objects come from a folder, where nothing is reported");
            self.diagnostics.push(Diagnostic::info("flag-without-effect", provenance, message));
        }
    }

    fn note(&mut self, flag: &str, message: String) {
        let provenance = ObjectRef::new(ObjectKind::Setting, "", flag).field("");
        self.diagnostics.push(Diagnostic::info("adjusted-flag-value", provenance, message));
    }
}

impl StatusAddress {
    /// Reads what the API server takes as an address of a load balancer: an IP address, or else a DNS name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self::Ip(address.to_canonical()));
        }
        let name = text.to_ascii_lowercase();
        (is_dns_name(&name) && !looks_like_address(&name)).then_some(Self::Hostname(name))
    }
}

/// Whether `name` is labels of `a-z`, `0-9` and inner `-`, joined by dots.
fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|octet| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    name.len() <= LONGEST_NAME && name.split('.').all(is_label)
}

/// Whether `name` is an address with leading zeros, which is not clear and which the API server refuses as a name.
fn looks_like_address(name: &str) -> bool {
    name.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::reporting::Pod;
    use crate::settings::{Flags, Settings};

    fn read(flags: &[&str]) -> Result<(Settings, Vec<Diagnostic>), Vec<Diagnostic>> {
        Settings::from_flags(&Flags::parse(flags).unwrap())
    }

    fn reporting(flags: &[&str]) -> Reporting {
        read(flags).unwrap().0.reporting
    }

    fn source(flags: &[&str]) -> AddressSource {
        reporting(flags).statuses.unwrap().source
    }

    fn given(value: &str) -> Vec<String> {
        let AddressSource::Given(addresses) = source(&[&format!("--publish-status-address={value}")]) else {
            panic!("{value:?} gives no addresses")
        };
        let text = |address| match address {
            StatusAddress::Ip(address) => format!("ip {address}"),
            StatusAddress::Hostname(name) => format!("name {name}"),
        };
        addresses.into_iter().map(text).collect()
    }

    /// The text of the only diagnostic.
    fn said(flags: &[&str]) -> String {
        let diagnostics = read(flags).map_or_else(|faults| faults, |(_, notes)| notes);
        assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
        diagnostics[0].to_string()
    }

    #[test]
    fn without_flags_the_defaults_of_ingress_nginx_hold() {
        let wanted = Reporting {
            statuses: Some(StatusUpdates {
                source: AddressSource::Nodes(NodeAddresses::External),
                clear_on_shutdown: true,
                interval: Duration::from_secs(60),
            }),
            election: Some(Election { lease: "ingress-controller-leader".into(), ttl: Duration::from_secs(30) }),
            events: true,
            pod: Pod::default(),
        };
        assert_eq!(reporting(&[]), wanted);
    }

    #[test]
    fn each_part_can_be_turned_off() {
        assert_eq!(reporting(&["--update-status=false"]).statuses, None);
        assert_eq!(reporting(&["--disable-leader-election"]).election, None);
        assert!(!reporting(&["--disable-sync-events"]).events);
        assert!(!reporting(&["--update-status-on-shutdown=false"]).statuses.unwrap().clear_on_shutdown);
    }

    #[test]
    fn addresses_come_from_a_service_or_nodes() {
        let service = ObjectRef::new(ObjectKind::Service, "edge", "web");
        assert_eq!(source(&["--publish-service=edge/web"]), AddressSource::Service(service));
        let internal = source(&["--report-node-internal-ip-address"]);
        assert_eq!(internal, AddressSource::Nodes(NodeAddresses::Internal));
    }

    #[test]
    fn given_addresses_are_separated_by_commas_and_white_space() {
        assert_eq!(given("192.0.2.1"), ["ip 192.0.2.1"]);
        assert_eq!(given("192.0.2.2,  192.0.2.1 ,"), ["ip 192.0.2.1", "ip 192.0.2.2"]);
        assert_eq!(given("Edge.Example.com,2001:DB8::0:1"), ["ip 2001:db8::1", "name edge.example.com"]);
        assert_eq!(given("::ffff:192.0.2.1,192.0.2.1"), ["ip 192.0.2.1"], "one address, written twice");
    }

    #[test]
    fn what_the_api_server_would_refuse_is_refused_at_start() {
        for wrong in ["192.0.2.256", "010.0.0.1", "edge_1.example.com", "-edge", "edge.", "two words", "[::1]", ","] {
            let faults = read(&[&format!("--publish-status-address={wrong}")]).unwrap_err();
            assert_eq!(faults[0].code, "invalid-flag-value", "{wrong}");
        }
        for wrong in ["--election-id=", "--election-id=Leader", "--election-ttl=500ms", "--publish-service=web"] {
            assert_eq!(read(&[wrong]).unwrap_err()[0].code, "invalid-flag-value", "{wrong}");
        }
    }

    #[test]
    fn a_service_and_addresses_exclude_each_other() {
        let text = said(&["--publish-service=edge/web", "--publish-status-address=192.0.2.1"]);
        assert_eq!(
            text,
            "error[conflicting-flags] Setting --publish-status-address: \"192.0.2.1\" cannot be given together with \
             --publish-service"
        );
    }

    #[test]
    fn intervals_are_seconds_and_too_short_ones_raised_with_a_note() {
        let interval = |value: &str| {
            let flag = format!("--status-update-interval={value}");
            reporting(&[&flag]).statuses.unwrap().interval.as_secs()
        };
        assert_eq!((interval("5"), interval("90"), interval("4"), interval("-1")), (5, 90, 5, 5));
        assert_eq!(
            said(&["--status-update-interval=1"]),
            "info[adjusted-flag-value] Setting --status-update-interval: \"1\" is too short; 5s are used"
        );
        assert!(read(&["--status-update-interval=1m"]).is_err());
    }

    #[test]
    fn no_length_of_time_stands_for_the_default_of_the_election() {
        let ttl = |value: &str| reporting(&[&format!("--election-ttl={value}")]).election.unwrap().ttl;
        assert_eq!(ttl("0"), Election::DEFAULT_TTL);
        assert_eq!(ttl("-5s"), Election::DEFAULT_TTL);
        assert_eq!(ttl("1m30s"), Duration::from_secs(90));
    }

    #[test]
    fn a_folder_has_no_statuses_to_publish_addresses_in() {
        assert_eq!(
            said(&["--manifests=dir", "--publish-service=edge/web"]),
            "info[flag-without-effect] Setting --publish-service: \"edge/web\" has no effect: objects come from a \
             folder, where nothing is reported"
        );
    }
}
