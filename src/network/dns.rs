//! The DNS server that containers ask: our names ourselves, all others from the servers of the asking
//! container or of the host. The protocol is `hickory`'s.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::{Time, TokioRuntimeProvider};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{Metadata, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, SOA};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;

use super::board::{Board, container_address};
use super::names::{Answer, DOMAIN, Names, WELL_KNOWN};
use crate::clock::Entropy;

/// How long an answer may be kept, in seconds: members come and go.
const TTL_S: u32 = 1;
/// Answers of other servers that are kept.
const CACHED: u64 = 1000;
/// How long other servers are waited for.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(2);
/// Sets of servers that resolvers are kept for.
const RESOLVERS: usize = 64;

/// Answers the containers of one environment.
pub struct Dns {
    /// Names.
    pub board: Board,
    /// The environment.
    pub environment: i64,
    /// For the order of addresses.
    pub entropy: Entropy,
    /// For names that we do not know.
    pub forward: Arc<Forward>,
}

/// What is answered.
struct Reply {
    code: ResponseCode,
    authoritative: bool,
    records: Vec<Record>,
    soa: Option<Record>,
}

impl Reply {
    const fn code(code: ResponseCode) -> Self {
        Self { code, authoritative: false, records: Vec::new(), soa: None }
    }
}

#[async_trait::async_trait]
impl RequestHandler for Dns {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut responder: R,
    ) -> ResponseInfo {
        let reply = self.reply(request).await;
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = reply.code;
        metadata.authoritative = reply.authoritative;
        metadata.recursion_available = true;
        let nothing: &[Record] = &[];
        let response = MessageResponseBuilder::from_message_request(request).build(
            metadata,
            reply.records.iter(),
            nothing,
            reply.soa.iter(),
            nothing,
        );
        match responder.send_response(response).await {
            Ok(info) => info,
            Err(error) => {
                tracing::debug!(%error, "cannot answer a DNS question");
                failed(&request.metadata)
            }
        }
    }
}

fn failed(request: &Metadata) -> ResponseInfo {
    let mut metadata = Metadata::response_from_request(request);
    metadata.response_code = ResponseCode::ServFail;
    hickory_resolver::proto::op::Header { metadata, counts: Default::default() }.into()
}

impl Dns {
    async fn reply(&self, request: &Request) -> Reply {
        if request.metadata.op_code != OpCode::Query {
            return Reply::code(ResponseCode::NotImp);
        }
        let Ok(info) = request.request_info() else { return Reply::code(ResponseCode::FormErr) };
        let name = Name::from(info.query.name().clone());
        let kind = info.query.query_type();
        if info.query.query_class() != DNSClass::IN {
            return Reply::code(ResponseCode::Refused);
        }
        let asker = container_address(request.src().ip());
        match self.answer(asker, &name) {
            Some(Answer::Addresses(mut addresses)) => {
                shuffle(&self.entropy, &mut addresses);
                if !matches!(kind, RecordType::A | RecordType::ANY) {
                    addresses.clear();
                }
                let records = addresses
                    .into_iter()
                    .map(|ip| Record::from_rdata(name.clone(), TTL_S, RData::A(A(ip))))
                    .collect();
                known(ResponseCode::NoError, records)
            }
            Some(Answer::Alias(target)) => self.alias(&name, &target, kind).await,
            Some(Answer::Unknown) => known(ResponseCode::NXDomain, Vec::new()),
            Some(Answer::Elsewhere(servers)) => self.forward.ask(&servers, name, kind).await,
            None => self.forward.ask(&[], name, kind).await,
        }
    }

    fn answer(&self, asker: Ipv4Addr, name: &Name) -> Option<Answer> {
        let page = self.board.of(self.environment)?;
        let names: &Names = &page.names;
        Some(names.resolve(asker, &name.to_utf8()))
    }

    /// An external service's name, and what that name means elsewhere.
    async fn alias(&self, name: &Name, target: &str, kind: RecordType) -> Reply {
        let Ok(mut target) = Name::from_utf8(target) else {
            return Reply::code(ResponseCode::ServFail);
        };
        target.set_fqdn(true);
        let mut records =
            vec![Record::from_rdata(name.clone(), TTL_S, RData::CNAME(CNAME(target.clone())))];
        if kind != RecordType::CNAME {
            records.extend(self.forward.ask(&[], target, kind).await.records);
        }
        known(ResponseCode::NoError, records)
    }
}

/// What we alone know. Nothing may be remembered for longer than a second.
fn known(code: ResponseCode, records: Vec<Record>) -> Reply {
    let soa = records.is_empty().then(soa).flatten();
    Reply { code, authoritative: true, records, soa }
}

fn soa() -> Option<Record> {
    let domain = Name::from_ascii(format!("{DOMAIN}.")).ok()?;
    let (hour, day) = (3600, 86_400);
    let data = SOA::new(domain.clone(), domain.clone(), 1, hour, hour, day, TTL_S);
    Some(Record::from_rdata(domain, TTL_S, RData::SOA(data)))
}

/// Puts addresses into any order, each as likely as the others.
fn shuffle(entropy: &Entropy, addresses: &mut [Ipv4Addr]) {
    for last in (1..addresses.len()).rev() {
        let choices = u64::try_from(last + 1).unwrap_or(u64::MAX);
        let other = usize::try_from(entropy.u64() % choices).unwrap_or(0);
        addresses.swap(last, other);
    }
}

/// Asks other servers, and keeps their answers for a while.
pub struct Forward {
    host: Vec<SocketAddr>,
    resolvers: Mutex<HashMap<Vec<SocketAddr>, TokioResolver>>,
}

/// Servers when neither container nor host names any.
const LAST_RESORT: [Ipv4Addr; 2] = [Ipv4Addr::new(8, 8, 8, 8), Ipv4Addr::new(8, 8, 4, 4)];

impl Forward {
    /// Asks these servers, unless a container has its own.
    pub fn new(host: Vec<SocketAddr>) -> Self {
        Self { host, resolvers: Mutex::default() }
    }

    /// Asks the host's servers: those of `/etc/resolv.conf`.
    pub fn of_host() -> Self {
        Self::new(host_servers())
    }

    /// The host's servers as containers can reach them: not those on its loopback.
    pub fn host_servers() -> Vec<String> {
        let servers = host_servers().into_iter().map(|server| server.ip());
        servers.filter(|ip| !ip.is_loopback()).map(|ip| ip.to_string()).collect()
    }

    async fn ask(&self, wanted: &[String], name: Name, kind: RecordType) -> Reply {
        // Ourselves and the container's own loopback lead in circles.
        let own: Vec<SocketAddr> = servers(wanted.iter().map(String::as_str))
            .into_iter()
            .filter(|server| server.ip() != IpAddr::V4(WELL_KNOWN) && !server.ip().is_loopback())
            .collect();
        let servers = if own.is_empty() { self.host.clone() } else { own };
        let Some(resolver) = self.resolver(servers) else {
            return Reply::code(ResponseCode::ServFail);
        };
        match resolver.lookup(name, kind).await {
            Ok(lookup) => {
                Reply { records: lookup.answers().to_vec(), ..Reply::code(ResponseCode::NoError) }
            }
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => Reply {
                soa: none.soa.map(|soa| soa.into_record_of_rdata()),
                ..Reply::code(none.response_code)
            },
            Err(error) => {
                tracing::debug!(%error, "another DNS server did not answer");
                Reply::code(ResponseCode::ServFail)
            }
        }
    }

    fn resolver(&self, servers: Vec<SocketAddr>) -> Option<TokioResolver> {
        let mut resolvers = self.resolvers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(resolver) = resolvers.get(&servers) {
            return Some(resolver.clone());
        }
        let config = servers.iter().map(|server| {
            let mut config = NameServerConfig::udp_and_tcp(server.ip());
            for connection in &mut config.connections {
                connection.port = server.port();
            }
            config
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), config.collect());
        let provider = TokioRuntimeProvider::default();
        let built =
            TokioResolver::builder_with_config(config, provider).with_options(options()).build();
        let resolver = match built {
            Ok(resolver) => resolver,
            Err(error) => {
                tracing::warn!(%error, "cannot forward DNS questions");
                return None;
            }
        };
        if resolvers.len() >= RESOLVERS {
            resolvers.clear();
        }
        resolvers.insert(servers, resolver.clone());
        Some(resolver)
    }
}

fn host_servers() -> Vec<SocketAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let servers = servers(text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()).flatten()
    }));
    if servers.is_empty() {
        return LAST_RESORT.map(|ip| SocketAddr::from((ip, 53))).into();
    }
    servers
}

fn servers<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<SocketAddr> {
    texts
        .filter_map(|text| text.parse::<IpAddr>().ok())
        .map(|ip| SocketAddr::from((ip, 53)))
        .collect()
}

fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.ndots = 0;
    options.timeout = FORWARD_TIMEOUT;
    options.attempts = 1;
    options.cache_size = CACHED;
    options.use_hosts_file = ResolveHosts::Never;
    options.try_tcp_on_error = true;
    options.preserve_intermediates = true;
    options
}
