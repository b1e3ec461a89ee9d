//! A DNS server that says what the test says, over UDP and TCP on one port of the loopback address.
//!
//! It answers as a resolver does that asks others: with the whole chain of a CNAME. What it was not told of does not
//! exist. Names are written without the dot at the end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::CNAME;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// How often a port is looked for that is free for both transports.
const ATTEMPTS: usize = 32;
/// The longest chain of CNAMEs that is followed.
const CHAIN: usize = 8;

/// What is said of a name.
#[derive(Debug, Clone)]
enum Said {
    Records(Vec<(u32, RData)>),
    Code(ResponseCode),
    /// Nothing: the question goes unanswered.
    Silence,
}

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct DnsServer {
    address: SocketAddr,
    script: Arc<Script>,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Script {
    said: Mutex<BTreeMap<String, Said>>,
    /// The questions in the order in which they came.
    asked: Mutex<Vec<Question>>,
}

/// A question that came.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Question {
    name: String,
    over: Transport,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Udp,
    Tcp,
}

impl DnsServer {
    /// Starts a server that knows no name.
    pub async fn start() -> Self {
        let (udp, tcp) = bind().await;
        let address = udp.local_addr().expect("a bound socket has an address");
        let script = Arc::<Script>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, Arc::clone(&script)));
        tasks.spawn(serve_tcp(tcp, Arc::clone(&script)));
        Self { address, script, _tasks: tasks }
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, a name has these records, each as a zone file has it: `60 A 192.0.2.1`, `60 AAAA 2001:db8::1`,
    /// `60 CNAME other.test`. More than a datagram holds is truncated there. Panics on other records.
    pub fn says(&self, name: &str, records: &[&str]) {
        let records =
            records.iter().map(|text| record(text).unwrap_or_else(|| panic!("no record: {text:?}"))).collect();
        self.script.say(name, Said::Records(records));
    }

    /// From now on, questions for a name fail with a code.
    pub fn fails(&self, name: &str, code: ResponseCode) {
        self.script.say(name, Said::Code(code));
    }

    /// From now on, questions for a name are not answered.
    pub fn ignores(&self, name: &str) {
        self.script.say(name, Said::Silence);
    }

    /// How many questions for a name have come so far.
    #[must_use]
    pub fn asked(&self, name: &str) -> usize {
        lock(&self.script.asked).iter().filter(|question| question.name == name).count()
    }

    /// How many of them came over TCP.
    #[must_use]
    pub fn asked_over_tcp(&self, name: &str) -> usize {
        let asked = lock(&self.script.asked);
        asked.iter().filter(|question| question.name == name && question.over == Transport::Tcp).count()
    }
}

async fn bind() -> (UdpSocket, TcpListener) {
    for _ in 0..ATTEMPTS {
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = tcp.local_addr().expect("a bound socket has an address");
        if let Ok(udp) = UdpSocket::bind(address).await {
            return (udp, tcp);
        }
    }
    panic!("there is no port that is free for both transports");
}

fn record(text: &str) -> Option<(u32, RData)> {
    let mut words = text.split(' ');
    let live = words.next()?.parse().ok()?;
    let (kind, value) = (words.next()?, words.next()?);
    let data = match kind {
        "A" => RData::A(value.parse::<std::net::Ipv4Addr>().ok()?.into()),
        "AAAA" => RData::AAAA(value.parse::<std::net::Ipv6Addr>().ok()?.into()),
        "CNAME" => RData::CNAME(CNAME(absolute(value))),
        _ => return None,
    };
    Some((live, data))
}

fn absolute(name: &str) -> Name {
    let mut name = Name::from_ascii(name).expect("the name is legal");
    name.set_fqdn(true);
    name
}

async fn serve_udp(socket: UdpSocket, script: Arc<Script>) {
    let mut buffer = vec![0; 4096];
    while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
        let answer = script.answer(buffer.get(..length).unwrap_or_default(), Transport::Udp);
        if let Some(answer) = answer {
            // A client that is gone is the test's business.
            let _sent = socket.send_to(&answer, peer).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, script: Arc<Script>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve_stream(stream, Arc::clone(&script)));
        while connections.try_join_next().is_some() {}
    }
}

/// RFC 1035 §4.2.2: each message behind its length.
async fn serve_stream(mut stream: TcpStream, script: Arc<Script>) {
    while let Ok(length) = stream.read_u16().await {
        let mut query = vec![0; usize::from(length)];
        if stream.read_exact(&mut query).await.is_err() {
            return;
        }
        let Some(answer) = script.answer(&query, Transport::Tcp) else { continue };
        let length = u16::try_from(answer.len()).expect("the answer fits into a message");
        if stream.write_u16(length).await.is_err() || stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

impl Script {
    fn say(&self, name: &str, said: Said) {
        lock(&self.said).insert(name.to_owned(), said);
    }

    /// The answer to a query, if there is one.
    fn answer(&self, query: &[u8], over: Transport) -> Option<Vec<u8>> {
        let query = Message::from_vec(query).expect("the query is a DNS message");
        let question = query.queries.first().expect("there is a question").clone();
        let name = text(question.name());
        lock(&self.asked).push(Question { name: name.clone(), over });
        let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
        answer.metadata.recursion_desired = query.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        answer.add_query(question.clone());
        match self.look_up(&name, question.query_type()) {
            Ok(records) => _ = answer.add_answers(records),
            Err(Said::Code(code)) => answer.metadata.response_code = code,
            Err(_) => return None,
        }
        let whole = answer.to_vec().expect("the answer can be written");
        if over == Transport::Udp && whole.len() > usize::from(query.max_payload()) {
            return Some(answer.truncate().to_vec().expect("the answer can be written"));
        }
        Some(whole)
    }

    /// The records for a question, those of the aliases before it included.
    fn look_up(&self, name: &str, kind: RecordType) -> Result<Vec<Record>, Said> {
        let said = lock(&self.said);
        let mut found = Vec::new();
        let mut name = name.to_owned();
        for _ in 0..CHAIN {
            let records = match said.get(&name).cloned().unwrap_or(Said::Code(ResponseCode::NXDomain)) {
                Said::Records(records) => records,
                other => return Err(other),
            };
            let here = absolute(&name);
            let alias = records.iter().find_map(|(_, data)| match data {
                RData::CNAME(alias) => Some(text(&alias.0)),
                _ => None,
            });
            let wanted =
                records.into_iter().filter(|(_, data)| [kind, RecordType::CNAME].contains(&data.record_type()));
            found.extend(wanted.map(|(live, data)| Record::from_rdata(here.clone(), live, data)));
            match alias {
                Some(alias) => name = alias,
                None => break,
            }
        }
        Ok(found)
    }
}

fn text(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
