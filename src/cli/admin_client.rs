//! Asks a running instance's admin server.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Builder;

use super::output::Output;

/// How long the whole conversation may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

/// The explanation of a request by the instance at `admin`, as it is to be printed.
pub(super) fn explain(
    admin: &str,
    url: &str,
    method: &str,
    headers: &[String],
    output: Output,
) -> anyhow::Result<String> {
    let form = match output {
        Output::Text => "text",
        Output::Json => "json",
    };
    let mut target = format!("/explain?output={form}&url={}&method={}", escaped(url), escaped(method));
    for header in headers {
        write!(target, "&header={}", escaped(header)).expect("a string takes any text");
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (status, body) = runtime.block_on(async {
        tokio::time::timeout(PATIENCE, get(admin, &target)).await.context("the answer takes too long")?
    })?;
    let text = String::from_utf8_lossy(&body).into_owned();
    ensure!(status.is_success(), "{admin} answered {status}: {}", text.trim());
    Ok(text)
}

async fn get(admin: &str, target: &str) -> anyhow::Result<(StatusCode, Bytes)> {
    let authority = authority(admin)?;
    let stream = TcpStream::connect(authority).await.with_context(|| format!("cannot reach {authority}"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(target).header("host", authority).body(Empty::<Bytes>::new())?;
    let answer = async {
        let response: Response<_> = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("the answer cannot be read: {error}"))?;
        anyhow::Ok((status, body.to_bytes()))
    };
    tokio::select! {
        answer = answer => answer,
        // Only a broken connection ends before the answer.
        ended = connection => {
            ended.with_context(|| format!("the connection to {authority} broke"))?;
            bail!("{authority} closed the connection without an answer")
        }
    }
}

/// `host:port` of an admin URL.
fn authority(admin: &str) -> anyhow::Result<&str> {
    let rest = match admin.split_once("://") {
        Some(("http", rest)) => rest,
        Some((scheme, _)) => bail!("{admin:?}: the admin server speaks http, not {scheme}"),
        None => admin,
    };
    let authority = rest.trim_end_matches('/');
    let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    ensure!(port.is_some(), "{admin:?} is not the URL of an admin server, such as http://127.0.0.1:10254");
    Ok(authority)
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            escaped.push(char::from(octet));
        } else {
            write!(escaped, "%{octet:02X}").expect("a string takes any text");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_url_names_a_host_and_a_port() {
        assert_eq!(authority("http://127.0.0.1:10254/").unwrap(), "127.0.0.1:10254");
        assert_eq!(authority("[::1]:10254").unwrap(), "[::1]:10254");
        assert!(authority("https://127.0.0.1:10254").is_err());
        assert!(authority("127.0.0.1").is_err());
    }

    #[test]
    fn what_is_asked_arrives_as_it_was_typed() {
        assert_eq!(escaped("http://a/b?c=d&e f"), "http%3A%2F%2Fa%2Fb%3Fc%3Dd%26e%20f");
    }
}
