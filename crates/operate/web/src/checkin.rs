//! What mirrors say of themselves: as JSON with a token, or as the old client says it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use heliostat_catalog::{Actor, Catalog, Ending};
use heliostat_observe_checkin::{Receipt, Refused, Report, Speaker, take};
use heliostat_observe_probe::wire::Format;
use heliostat_observe_report::record;
use http::{HeaderMap, StatusCode};

use crate::body::look;
use crate::desk::{Desk, Standing, now_unix_s};
use crate::routes::Client;
use crate::trouble::{Trouble, json as answer, text};

/// `POST /api/checkin`: who it is comes first, so that no stranger's body is read at all.
pub(crate) async fn json(
    State(desk): State<Arc<Desk>>,
    Client(from): Client,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Trouble> {
    desk.rate(from)?;
    let (account, token) = desk.bearer(&headers, from).await?;
    let _room = desk.room(Standing::Known).await?;
    let found = look(&desk.prober, Format::Checkin, &headers, body).await?;
    let report = Report::of(found)?;
    let receipt = taken(&desk, Speaker::Token(account, token), report).await??;
    let receipt = serde_json::to_value(&receipt).map_err(|error| Trouble::ours(&error))?;
    Ok(answer(StatusCode::OK, &receipt))
}

/// `POST /xmlrpc`: the old client says who it is inside of the document.
pub(crate) async fn xmlrpc(
    State(desk): State<Arc<Desk>>,
    Client(from): Client,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Trouble> {
    desk.rate(from)?;
    let _room = desk.room(Standing::Stranger).await?;
    let found = look(&desk.prober, Format::Checkin, &headers, body).await?;
    let report = Report::of(found)?;
    let Some((site, password)) = report.secret.clone() else {
        return Ok(fault(403, "the check-in names no site, or no password"));
    };
    let hashing = desk.hashing().await?;
    let known =
        desk.catalog(move |catalog| catalog.read(|view| view.site_by_password(&site, &password)));
    let known = known.await?;
    drop(hashing);
    let Some(site) = known else {
        desk.rates.wrong(from, now_unix_s());
        return Ok(fault(403, "there is no such site, or the password is another one"));
    };
    match taken(&desk, Speaker::Site(site), report).await? {
        Ok(receipt) => Ok(response(&string(&receipt.text()))),
        Err(refused) => Ok(fault(403, &refused.to_string())),
    }
}

async fn taken(
    desk: &Arc<Desk>,
    speaker: Speaker,
    report: Report,
) -> Result<Result<Receipt, Refused>, Trouble> {
    let who = speaker.name();
    let folders = report.folders();
    let work = move |catalog: &mut Catalog| {
        let actor = Actor { name: speaker.name(), now_unix_s: now_unix_s() };
        let done = catalog.write(&actor, Ending::Commit, |txn| take(txn, &speaker, &report));
        let (receipt, _) = done?;
        // Also when it has what it had: it is as new as it was, and perhaps the primary copy is not.
        if receipt.is_ok() {
            record(catalog, &actor)?;
        }
        Ok(receipt)
    };
    let done = desk.catalog(work).await?;
    match &done {
        Ok(receipt) => tracing::info!(who, host = receipt.host, folders, "checked in"),
        Err(refused) => tracing::warn!(who, %refused, "a check-in was not believed"),
    }
    Ok(done)
}

fn fault(code: u16, what: &str) -> Response {
    let member = |name: &str, value: &str| {
        format!("<member><name>{name}</name><value>{value}</value></member>")
    };
    let text = format!(
        "<fault><value><struct>{}{}</struct></value></fault>",
        member("faultCode", &format!("<int>{code}</int>")),
        member("faultString", &string(&format!("error checking in: {what}"))),
    );
    body(&text)
}

fn response(value: &str) -> Response {
    body(&format!("<params><param><value>{value}</value></param></params>"))
}

fn body(inner: &str) -> Response {
    let document = format!("<?xml version=\"1.0\"?>\n<methodResponse>{inner}</methodResponse>\n");
    text(StatusCode::OK, "text/xml", document)
}

/// A text as XML-RPC has it.
fn string(text: &str) -> String {
    let mut out = "<string>".to_owned();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' => out.push('\n'),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out + "</string>"
}
