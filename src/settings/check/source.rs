//! Where objects come from: a folder, or a cluster and how to reach it.

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;

use crate::diagnostic::Diagnostic;
use crate::ir::{ObjectKind, ObjectRef};
use crate::settings::go::parse_duration;
use crate::settings::{Cluster, Flags, Source, selector};

use super::{Check, non_empty};

impl Check {
    pub(super) fn source(&mut self, flags: &Flags) -> Source {
        let cluster = self.cluster(flags);
        let Some(folder) = &flags.manifests else { return Source::Cluster(cluster) };
        for (flag, value) in [
            ("--kubeconfig", &flags.kubeconfig),
            ("--apiserver-host", &flags.apiserver_host),
            ("--watch-namespace-selector", &flags.watch_namespace_selector),
        ] {
            if !value.is_empty() {
                self.error("conflicting-flags", flag, format!("{value:?} cannot be given together with --manifests"));
            }
        }
        Source::Manifests(folder.clone())
    }

    fn cluster(&mut self, flags: &Flags) -> Cluster {
        let certificate_authority = non_empty(&flags.certificate_authority).map(PathBuf::from);
        if flags.apiserver_host.is_empty() && certificate_authority.is_some() {
            let provenance = ObjectRef::new(ObjectKind::Setting, "", "--certificate-authority").field("");
            let message = format!(
                "{:?} has no effect without --apiserver-host; a kubeconfig and a pod bring their own",
                flags.certificate_authority
            );
            self.diagnostics.push(Diagnostic::info("flag-without-effect", provenance, message));
        }
        Cluster {
            kubeconfig: non_empty(&flags.kubeconfig).map(PathBuf::from),
            apiserver_host: self.apiserver_host(flags),
            certificate_authority,
            namespace_selector: self.namespace_selector(flags),
            sync_period: self.sync_period(&flags.sync_period),
        }
    }

    /// A URL. Without a scheme it is `https` if there is someone to vouch for the server, else `http`, as Kubernetes's
    /// own clients have it.
    fn apiserver_host(&mut self, flags: &Flags) -> Option<String> {
        let written = non_empty(&flags.apiserver_host)?;
        let url = match (written.contains("://"), flags.certificate_authority.is_empty()) {
            (true, _) => written.to_owned(),
            (false, true) => format!("http://{written}"),
            (false, false) => format!("https://{written}"),
        };
        let legal = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && names_a_host(uri);
        if url.parse::<Uri>().as_ref().is_ok_and(legal) {
            return Some(url);
        }
        self.wrong("--apiserver-host", written, "is not a URL such as https://10.0.0.1:6443");
        None
    }

    fn namespace_selector(&mut self, flags: &Flags) -> Option<String> {
        const FLAG: &str = "--watch-namespace-selector";
        let written = non_empty(flags.watch_namespace_selector.trim())?;
        if !flags.watch_namespace.is_empty() {
            self.error(
                "conflicting-flags",
                FLAG,
                format!("{written:?} cannot be given together with --watch-namespace"),
            );
        }
        if !selector::is_label_selector(written) {
            self.wrong(FLAG, written, "is not a label selector such as team=web,stage in (test, live)");
        }
        Some(written.to_owned())
    }

    fn sync_period(&mut self, written: &str) -> Option<Duration> {
        let period = parse_duration(written);
        if period.is_none() {
            self.wrong("--sync-period", written, "is not a duration such as 30m or 24h");
        }
        period.filter(|period| !period.is_zero())
    }
}

/// Whether the authority is a host and perhaps a port, which [`Uri`] itself does not check.
fn names_a_host(uri: &Uri) -> bool {
    uri.authority().is_some_and(|authority| match authority.port_u16() {
        Some(port) => *authority == format!("{}:{port}", authority.host()),
        None => *authority == authority.host(),
    })
}
