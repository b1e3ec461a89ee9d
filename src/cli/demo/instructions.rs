//! What the demo tells its user: where it listens and the lines to try, each of which works as printed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// The addresses and files that the lines speak of.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) http: SocketAddr,
    pub(super) https: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) folder: &'a Path,
    pub(super) certificate: &'a Path,
}

impl Scene<'_> {
    /// The whole text.
    pub(super) fn text(&self) -> String {
        let (http, https, admin) = (reachable(self.http), reachable(self.https), reachable(self.admin));
        let (folder, certificate) = (self.folder.display(), self.certificate.display());
        let (ip, port) = (https.ip(), https.port());
        let ip = if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() };
        format!(
            "\
landfall is serving the examples on http://{http} and https://{https}

# a host of its own
curl -s -H 'Host: alpaca.example.com' http://{http}/

# a wildcard host
curl -s -H 'Host: any.zoo.example.com' http://{http}/

# by path: below /bandicoots, and nothing else of the host
curl -s -H 'Host: animals.example.com' http://{http}/bandicoots/1

# a rewrite: bandicoot receives /trees/oak?leaf=1
curl -s -H 'Host: api.example.com' 'http://{http}/v1/trees/oak?leaf=1'

# TLS: the certificate is chosen by server name
curl -s --cacert {certificate} --resolve secure.example.com:{port}:{ip} https://secure.example.com:{port}/

# the same host in the clear: redirected to HTTPS
curl -s -i -H 'Host: secure.example.com' http://{http}/

# whatever no rule claims: the default backend
curl -s http://{http}/

# why a request goes where it goes
curl -s 'http://{admin}/explain?url=http://api.example.com/v1/trees/oak'

The objects are in {folder}; a change there is live at once. Ctrl-C ends.
"
        )
    }
}

/// The address that a client on this machine reaches a listener at.
fn reachable(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listener.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_an_address_that_can_be_reached() {
        let any = |port| SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
        let scene = Scene {
            http: any(80),
            https: any(443),
            admin: any(10254),
            folder: Path::new("/f"),
            certificate: Path::new("/f/c.pem"),
        };
        let text = scene.text();
        assert!(
            text.contains("--cacert /f/c.pem --resolve secure.example.com:443:[::1] https://secure.example.com:443/")
        );
        assert!(text.contains("http://[::1]:80/"));
        assert!(!text.contains("[::]"));
    }
}
