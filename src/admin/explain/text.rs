//! An explanation as text for a terminal: aligned, coloured if asked for.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{AccessFacts, Answer, CertificateFacts, Explanation, Forwarding, RewriteOutcome, Trust, Verdict};
use crate::table::{Candidate, ConsideredHost, HostVerdict, RouteVerdict};

/// Whether text carries ANSI colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    On,
    Off,
}

/// The explanation as lines, each ended.
#[must_use]
pub fn render_text(explanation: &Explanation, colour: Colour) -> String {
    let mut page = Page { text: String::new(), colour };
    page.line("request", &explanation.request);
    page.line("generation", &explanation.generation.to_string());
    if let Some(client) = &explanation.client {
        let trust = match client.forwarded_headers {
            Trust::Believed => "believed",
            Trust::Replaced => "replaced",
        };
        let facts = format!("{} by {} on port {}", client.address, client.scheme, client.port);
        page.line("client", &format!("{facts}, its forwarded headers are {trust}"));
    }
    if let Some(matching) = &explanation.matching {
        let host = if matching.host.is_empty() { "(none)" } else { &matching.host };
        page.line("matched as", &format!("{host} {}", matching.path));
        page.heading("candidates");
        for host in &matching.hosts {
            page.host(host);
        }
        if let Some(fallback) = &matching.fallback {
            page.candidates(std::slice::from_ref(fallback));
        }
    }
    if let Some(route) = &explanation.route {
        page.line("route", &route.provenance);
    }
    page.answer(&explanation.outcome);
    page.certificate(explanation.certificate.as_ref());
    page.text
}

/// Text that grows line by line.
struct Page {
    text: String,
    colour: Colour,
}

/// ANSI colours by what they mean here.
#[derive(Clone, Copy)]
enum Ink {
    Good,
    Bad,
    Faint,
    Strong,
}

impl Page {
    fn line(&mut self, name: &str, value: &str) {
        let name = self.ink(Ink::Strong, &format!("{name:<12}"));
        self.push(&format!("{name} {}", shown(value)));
    }

    fn heading(&mut self, name: &str) {
        let name = self.ink(Ink::Strong, name);
        self.push(&name);
    }

    fn host(&mut self, host: &ConsideredHost) {
        let (verdict, ink) = match host.verdict {
            HostVerdict::Chosen => ("chosen", Ink::Good),
            HostVerdict::LessPrecise => ("a more precise host claims the name", Ink::Faint),
        };
        let verdict = self.ink(ink, verdict);
        self.push(&format!("  host {}  {verdict}", host.pattern));
        self.candidates(&host.candidates);
    }

    fn candidates(&mut self, candidates: &[Candidate]) {
        let rows: Vec<_> = candidates
            .iter()
            .map(|row| (shown(&row.matcher), shown(&row.provenance), shown(&row.reason), row))
            .collect();
        let matchers = rows.iter().map(|(matcher, ..)| matcher.chars().count()).max().unwrap_or(0);
        let origins = rows.iter().map(|(_, origin, ..)| origin.chars().count()).max().unwrap_or(0);
        for (matcher, origin, reason, row) in rows {
            let (mark, ink) = match row.verdict {
                RouteVerdict::Won => ("won ", Ink::Good),
                RouteVerdict::Outranked | RouteVerdict::NoMatch | RouteVerdict::HostNotChosen => ("lost", Ink::Faint),
            };
            let mark = self.ink(ink, mark);
            self.push(&format!("    {mark}  {matcher:<matchers$}  {origin:<origins$}  {reason}"));
        }
    }

    fn answer(&mut self, answer: &Answer) {
        match answer {
            Answer::Rejected { status, code } => self.refusal(*status, &format!("the request is refused: {code}")),
            Answer::NotFound { status } => self.refusal(*status, "no route claims the request"),
            Answer::Refused { status, code, reason } => self.refusal(*status, &format!("{code}: {reason}")),
            Answer::Redirected { status, location } => self.line("answer", &format!("{status} to {location}")),
            Answer::Forwarded(forwarding) => self.forwarding(forwarding),
        }
    }

    fn refusal(&mut self, status: u16, reason: &str) {
        let name = self.ink(Ink::Strong, &format!("{:<12}", "answer"));
        let status = self.ink(Ink::Bad, &status.to_string());
        self.push(&format!("{name} {status} {}", shown(reason)));
    }

    fn forwarding(&mut self, forwarding: &Forwarding) {
        let Forwarding { backend, protocol, balance, host, target, rewrite, forwarded_prefix, access, endpoints } =
            forwarding;
        let rewrite = match rewrite {
            RewriteOutcome::AsReceived => "as received",
            RewriteOutcome::Rewritten => "rewritten",
            RewriteOutcome::Canonical => "made canonical",
        };
        self.line("backend", &format!("{backend} ({protocol}, {balance})"));
        self.line("sent", &format!("{target} ({rewrite}), Host: {host}"));
        if let Some(prefix) = forwarded_prefix {
            self.line("", &format!("X-Forwarded-Prefix: {prefix}"));
        }
        if let Some(access) = access {
            self.access(access);
        }
        if endpoints.is_empty() {
            self.refusal(503, "the backend has no endpoints");
        } else {
            self.line("endpoints", &endpoints.join(" "));
        }
    }

    fn access(&mut self, access: &AccessFacts) {
        let AccessFacts { verdict, deny, allow } = access;
        let verdict = match verdict {
            Verdict::Admitted => "this client is let in",
            Verdict::Denied => "403 for this client: it is denied",
            Verdict::NotAllowed => "403 for this client: it is not allowed",
        };
        let allow = allow.as_ref().map_or_else(|| "all".to_owned(), |allow| allow.join(" "));
        let deny = if deny.is_empty() { "none".to_owned() } else { deny.join(" ") };
        self.line("access", &format!("{verdict} (denied: {deny}; allowed: {allow})"));
    }

    fn certificate(&mut self, certificate: Option<&CertificateFacts>) {
        let Some(certificate) = certificate else { return self.line("certificate", "none") };
        let which = match certificate.served_for.as_str() {
            "*" => "the default certificate".to_owned(),
            host => format!("that of {host}"),
        };
        let names = certificate.names.join(", ");
        self.line("certificate", &format!("{which}, for {names}, until {}", date(certificate.not_after)));
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match (self.colour, ink) {
            (Colour::Off, _) => return text.to_owned(),
            (Colour::On, Ink::Good) => 32,
            (Colour::On, Ink::Bad) => 31,
            (Colour::On, Ink::Faint) => 2,
            (Colour::On, Ink::Strong) => 1,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    fn push(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}

/// Text with the controls in it, which a URL or an object may bring, shown instead of sent to the terminal.
fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

fn date(seconds: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok();
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_else(|| seconds.to_string())
}
