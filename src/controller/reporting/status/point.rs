//! Points of ingress: what stands in `status.loadBalancer.ingress`, in a form that can be compared.

use std::fmt;
use std::net::IpAddr;

use k8s_openapi::api::networking::v1::IngressStatus;
use serde_json::{Value, json};

use crate::settings::reporting::StatusAddress;

/// One point of ingress. Ordered by name and then address, as ingress-nginx writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    /// Empty if there is none.
    pub(super) hostname: String,
    /// Empty if there is none; in canonical form if it is an address.
    pub(super) ip: String,
}

/// Points in order, each once: two lists say the same if and only if they are equal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Points(Vec<Point>);

impl Point {
    /// `None` where there is neither a name nor an address.
    pub(super) fn new(hostname: &str, ip: &str) -> Option<Self> {
        let ip = ip.parse::<IpAddr>().map_or_else(|_| ip.to_owned(), |ip| ip.to_canonical().to_string());
        (!hostname.is_empty() || !ip.is_empty()).then(|| Self { hostname: hostname.to_owned(), ip })
    }

    /// The point of an IP address; `None` if the text is none.
    pub(super) fn of_ip(text: &str) -> Option<Self> {
        text.parse().ok().map(|ip: IpAddr| Self { hostname: String::new(), ip: ip.to_canonical().to_string() })
    }

    /// The point of an IP address or a DNS name; `None` if the text is neither.
    pub(super) fn of_address(text: &str) -> Option<Self> {
        StatusAddress::parse(text).map(|address| Self::from(&address))
    }
}

impl From<&StatusAddress> for Point {
    fn from(address: &StatusAddress) -> Self {
        match address {
            StatusAddress::Ip(ip) => Self { hostname: String::new(), ip: ip.to_string() },
            StatusAddress::Hostname(name) => Self { hostname: name.clone(), ip: String::new() },
        }
    }
}

impl Points {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Point> {
        self.0.iter()
    }

    /// The points in the status of an Ingress. Ports are passed over, as ingress-nginx does.
    pub(super) fn of_status(status: Option<&IngressStatus>) -> Self {
        let balancer = status.and_then(|status| status.load_balancer.as_ref());
        let list = balancer.and_then(|balancer| balancer.ingress.as_ref()).into_iter().flatten();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        list.filter_map(|point| Point::new(&text(&point.hostname), &text(&point.ip))).collect()
    }

    /// Writes the points into the `status` of an Ingress and leaves the rest of it as it is.
    pub(super) fn write_to(&self, status: &mut Value) {
        let list: Vec<Value> = self.0.iter().map(in_json).collect();
        if !status.is_object() {
            *status = json!({});
        }
        if let Some(fields) = status.as_object_mut() {
            fields.insert(
                "loadBalancer".to_owned(),
                if list.is_empty() { json!({}) } else { json!({ "ingress": list }) },
            );
        }
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Point { hostname, ip }) in self.0.iter().enumerate() {
            let (comma, between) =
                (if at == 0 { "" } else { "," }, if hostname.is_empty() || ip.is_empty() { "" } else { "=" });
            write!(f, "{comma}{hostname}{between}{ip}")?;
        }
        Ok(())
    }
}

impl FromIterator<Point> for Points {
    fn from_iter<I: IntoIterator<Item = Point>>(points: I) -> Self {
        let mut points: Vec<Point> = points.into_iter().collect();
        points.sort();
        points.dedup();
        Self(points)
    }
}

/// Fields that are empty are left out.
fn in_json(Point { hostname, ip }: &Point) -> Value {
    let fields = [("hostname", hostname), ("ip", ip)].into_iter().filter(|(_, text)| !text.is_empty());
    Value::Object(fields.map(|(name, text)| (name.to_owned(), Value::from(text.as_str()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: &Value) -> Points {
        Points::of_status(serde_json::from_value(status.clone()).ok().as_ref())
    }

    fn points(addresses: &[&str]) -> Points {
        addresses.iter().filter_map(|address| Point::of_address(address)).collect()
    }

    #[test]
    fn order_repetition_ports_and_spelling_make_no_difference() {
        let status = json!({ "loadBalancer": { "ingress": [
            { "ip": "2001:DB8:0::1" },
            { "hostname": "edge.example.com" },
            { "ip": "192.0.2.1", "ports": [{ "port": 80, "protocol": "TCP" }] },
            { "ip": "192.0.2.1" },
        ] } });
        assert_eq!(read(&status), points(&["edge.example.com", "192.0.2.1", "2001:db8::1"]));
    }

    #[test]
    fn a_name_and_an_address_of_one_point_stay_together() {
        let status = json!({ "loadBalancer": { "ingress": [{ "hostname": "a.example.com", "ip": "192.0.2.1" }] } });
        let read = read(&status);
        assert_eq!(read, Points::from_iter(Point::new("a.example.com", "192.0.2.1")));
        let mut written = Value::Null;
        read.write_to(&mut written);
        assert_eq!(written, status);
    }

    #[test]
    fn whatever_a_status_is_points_can_be_written_to_it() {
        for status in [Value::Null, json!({}), json!("text"), json!({ "loadBalancer": null })] {
            let mut written = status.clone();
            points(&["192.0.2.1"]).write_to(&mut written);
            assert_eq!(written, json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } }), "{status}");
            assert!(read(&status).is_empty());
        }
    }

    #[test]
    fn no_points_leave_an_empty_load_balancer() {
        let mut status = json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } });
        Points::default().write_to(&mut status);
        assert_eq!(status, json!({ "loadBalancer": {} }));
    }
}
