//! One request: to a question, to a response.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use heliostat_snapshot::Snapshot;
use http::header::{
    ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, FORWARDED, HeaderMap, HeaderName, HeaderValue,
    LOCATION, RETRY_AFTER,
};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;

use super::body::{self, Whole};
use super::connection::State;
use super::log::{AccessLog, Line, Lines};
use super::settings::Settings;
use super::tally::{Clerk, Marks};
use super::totals::{Event, Totals};
use crate::answer::{self, Answer, Outcome, Scratch};
use crate::ask::{Ask, Form, Refusal};
use crate::choose::Random;
use crate::current::{Current, View};

/// What the requests of one thread share.
#[derive(Debug)]
pub(crate) struct Shared {
    settings: Arc<Settings>,
    view: RefCell<View>,
    scratch: RefCell<Scratch>,
    random: RefCell<Random>,
    lines: Option<RefCell<Lines>>,
    log: Option<Arc<AccessLog>>,
    draining: Cell<bool>,
    retiring: Cell<bool>,
    totals: Arc<Totals>,
    clerk: RefCell<Clerk>,
}

impl Shared {
    /// What a thread begins with.
    pub(crate) fn new(
        settings: Arc<Settings>,
        current: &Current,
        log: Option<Arc<AccessLog>>,
        seed: u64,
        totals: Arc<Totals>,
    ) -> Shared {
        Shared {
            settings,
            view: RefCell::new(current.view()),
            scratch: RefCell::default(),
            random: RefCell::new(Random::new(seed)),
            lines: log.clone().map(|log| RefCell::new(Lines::new(log))),
            log,
            draining: Cell::new(false),
            retiring: Cell::new(false),
            totals,
            clerk: RefCell::new(Clerk::new()),
        }
    }

    /// Once a second: lets go of an old snapshot and hands over log lines.
    pub(crate) fn tick(&self) {
        self.view.borrow_mut().load();
        if let Some(lines) = &self.lines {
            lines.borrow_mut().flush();
        }
    }

    /// From now on, says that it is not ready.
    pub(crate) fn drain(&self) {
        self.draining.set(true);
    }

    /// From now on, says with each answer that the connection ends; or no longer.
    pub(crate) fn retire(&self, retiring: bool) {
        self.retiring.set(retiring);
    }

    /// Answers a request.
    fn respond(&self, peer: IpAddr, request: &Request<Incoming>) -> Response<Whole> {
        self.totals.happened(Event::Request);
        let mut response = match endpoint(request.uri().path()) {
            None => text(StatusCode::NOT_FOUND, "nothing is served under this path\n"),
            Some(_) if !matches!(*request.method(), Method::GET | Method::HEAD) => {
                let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
                refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                refusal
            }
            Some(Endpoint::Health) => self.health(),
            Some(Endpoint::Ready) => self.ready(),
            Some(Endpoint::List(form)) => self.list(form, peer, request),
        };
        if *request.method() == Method::HEAD {
            let length = http_body::Body::size_hint(response.body()).exact().unwrap_or(0);
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
            *response.body_mut() = Whole::EMPTY;
        }
        response
    }

    fn list(&self, form: Form, peer: IpAddr, request: &Request<Incoming>) -> Response<Whole> {
        let mut view = self.view.borrow_mut();
        let Some(snapshot) = view.load() else {
            let mut response = text(StatusCode::SERVICE_UNAVAILABLE, "# no snapshot yet\n");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            self.count(None, None, response.status());
            return response;
        };
        let client = self.client(peer, request.headers());
        let mut ask = Ask::new(form, client);
        let query = request.uri().query().unwrap_or_default().as_bytes();
        if let Err(refusal) = ask.read(query, self.settings.ip_allowed) {
            self.totals.happened(Event::RequestRefused);
            let response = refused(refusal);
            self.count(Some(snapshot), None, response.status());
            return response;
        }
        ask.now_unix_s = unix_s();
        ask.seed = self.random.borrow_mut().next_u64();
        ask.policy = self.settings.policy;
        let mut scratch = self.scratch.borrow_mut();
        scratch.body = body::buffer();
        let answer = answer::answer(snapshot, &ask, &mut scratch);
        self.log(snapshot, &ask, &answer, client);
        let body = std::mem::take(&mut scratch.body);
        let response = respond(answer, body, self.settings.legacy_status);
        self.count(Some(snapshot), Some((&ask, &answer)), response.status());
        response
    }

    /// Counts an answer about a list.
    fn count(
        &self,
        snapshot: Option<&Arc<Snapshot>>,
        about: Option<(&Ask<'_>, &Answer)>,
        status: StatusCode,
    ) {
        let marks = Marks {
            repository: about.and_then(|(_, answer)| answer.repository),
            country: about.and_then(|(_, answer)| answer.country),
            tier: about.and_then(|(_, answer)| answer.tier),
            protocol: about.and_then(|(ask, _)| ask.schemes),
            status: status.as_u16(),
            countme: about.map_or(0, |(ask, _)| ask.countme),
        };
        self.clerk.borrow_mut().count(&self.totals.answers, snapshot, marks);
    }

    /// The address that a question comes from.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let proxies = &self.settings.trusted_proxies;
        if !proxies.trusts(peer) {
            return crate::ask::behind_tunnel(peer);
        }
        let lines = match headers.get_all(&X_FORWARDED_FOR).iter() {
            lines if lines.size_hint().0 > 0 => lines,
            _ => headers.get_all(&FORWARDED).iter(),
        };
        crate::ask::behind_tunnel(proxies.client(peer, lines.map(HeaderValue::as_bytes)))
    }

    /// Adds a line for an answer about a repository.
    fn log(&self, snapshot: &Snapshot, ask: &Ask<'_>, answer: &Answer, client: IpAddr) {
        let Some(lines) = &self.lines else { return };
        let (Some(repo), Some(arch), Some(_)) = (&ask.repo, &ask.arch, answer.repository) else {
            return;
        };
        let country = if ask.claimed {
            // Statistics are about those who asked, not about those they asked for.
            snapshot.place(client).country
        } else {
            answer.country
        };
        let arch = if answer::is_source(repo) { b"source" } else { arch.as_ref() };
        let now_unix_s = ask.now_unix_s;
        lines.borrow_mut().add(&Line { address: client, now_unix_s, country, repo, arch });
    }

    /// Alive: it answers. The numbers are for people.
    fn health(&self) -> Response<Whole> {
        let dropped = self.log.as_ref().map_or(0, |log| log.counts().lines_dropped);
        text(StatusCode::OK, &format!("ok\naccess_log_lines_dropped {dropped}\n"))
    }

    /// Ready: it has a snapshot and is not about to stop.
    fn ready(&self) -> Response<Whole> {
        let mut view = self.view.borrow_mut();
        match view.load() {
            Some(snapshot) if !self.draining.get() => {
                let header = snapshot.header();
                let age_s = unix_s().saturating_sub(header.created_unix_s.get());
                let generation = header.generation;
                text(StatusCode::OK, &format!("ready\ngeneration {generation}\nage_s {age_s}\n"))
            }
            Some(_) => text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
            None => text(StatusCode::SERVICE_UNAVAILABLE, "no snapshot yet\n"),
        }
    }
}

/// The requests of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) shared: Rc<Shared>,
    pub(crate) peer: IpAddr,
    pub(crate) state: Rc<State>,
}

impl hyper::service::Service<Request<Incoming>> for Service {
    type Response = Response<Whole>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Whole>, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let mut response = self.shared.respond(self.peer, &request);
        let http2 = request.version() == Version::HTTP_2;
        if http2 {
            self.state.is_http2();
        }
        match (self.shared.retiring.get(), http2) {
            (false, _) => {}
            (true, true) => self.state.drain(),
            (true, false) => {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
        }
        ready(Ok(response))
    }
}

/// What is served under a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    List(Form),
    Health,
    Ready,
}

/// Lists are served under any prefix; one slash at the end is forgiven.
fn endpoint(path: &str) -> Option<Endpoint> {
    let path = path.strip_suffix('/').unwrap_or(path);
    match path.rsplit_once('/')? {
        (_, "mirrorlist") => Some(Endpoint::List(Form::Mirrorlist)),
        (_, "metalink") => Some(Endpoint::List(Form::Metalink)),
        ("", "healthz") => Some(Endpoint::Health),
        ("", "readyz") => Some(Endpoint::Ready),
        _ => None,
    }
}

/// An answer as a response.
fn respond(answer: Answer, body: Vec<u8>, legacy_status: bool) -> Response<Whole> {
    let status = match answer.outcome {
        Outcome::List | Outcome::Explanation => StatusCode::OK,
        Outcome::Redirect => StatusCode::FOUND,
        // Clients do not repeat these; they would repeat a 404.
        Outcome::NothingAsked | Outcome::RepositoryDisabled => StatusCode::OK,
        Outcome::NoRedirect => StatusCode::NOT_FOUND,
        Outcome::NoSuchPath | Outcome::NoSuchRepository | Outcome::NoDetails if legacy_status => {
            StatusCode::OK
        }
        Outcome::NoSuchPath | Outcome::NoSuchRepository | Outcome::NoDetails => {
            StatusCode::NOT_FOUND
        }
    };
    let kind = match (answer.outcome, answer.form) {
        (Outcome::Explanation, _) => JSON,
        (_, Form::Mirrorlist) => TEXT,
        (_, Form::Metalink) => METALINK,
    };
    let mut response = Response::new(Whole::EMPTY);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if answer.outcome == Outcome::Redirect {
        // URLs hold no byte that a header cannot: they were checked or encoded when made.
        if let Ok(location) = HeaderValue::from_bytes(&body) {
            response.headers_mut().insert(LOCATION, location);
        }
    } else {
        *response.body_mut() = Whole::new(body);
    }
    response
}

fn refused(refusal: Refusal) -> Response<Whole> {
    text(StatusCode::BAD_REQUEST, &format!("# {refusal}\n"))
}

fn text(status: StatusCode, text: &str) -> Response<Whole> {
    let mut body = body::buffer();
    body.extend(text.as_bytes());
    let mut response = Response::new(Whole::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(TEXT));
    response
}

fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

const TEXT: &str = "text/plain; charset=utf-8";
const METALINK: &str = "application/metalink+xml";
const JSON: &str = "application/json";
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
