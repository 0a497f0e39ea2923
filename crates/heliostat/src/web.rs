//! The role that takes what mirrors and publishers tell: sockets, certificates, signals.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use heliostat_catalog::{Actor, Place};
use heliostat_observe_probe::{ProbeSettings, Prober, Reach};
use heliostat_operate_cli::WebPlan;
use heliostat_operate_cli::catalog::{Notified, refused, told};
use heliostat_operate_web::{Desk, Notifier, Refusals, Tls, Web};
use sd_notify::NotifyState;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::service::tell;

/// Answers until a signal says stop.
pub(crate) fn run(plan: WebPlan) -> anyhow::Result<()> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("no runtime")?.block_on(answer(plan))
}

async fn answer(plan: WebPlan) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let tls = plan.tls.map(|(cert, key)| Tls::open(&cert, &key)).transpose()?;
    let probe = plan.probe.clone();
    let prober = Prober::start(plan.probe).context("no workers")?;
    // A sandbox that does not work here is found now, not by the first mirror.
    prober.check().await.context("no worker starts")?;
    let desk =
        Desk::new(plan.place.clone(), prober.clone(), notifier(plan.place, probe, plan.reach));
    desk.check().context("catalog")?;
    let web = Web::bind(&plan.listen, tls.as_ref()).await?;
    for address in web.addresses() {
        tracing::info!(%address, tls = tls.is_some(), "listening");
    }
    tell(&[NotifyState::Ready]);
    let stop = async {
        loop {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                _ = hangup.recv() => reload(tls.as_ref()),
            }
        }
    };
    let refusals = desk.refusals();
    if let Some(path) = &plan.metrics_file {
        // A file that cannot be written is known now.
        refused(path, &refusals.take()).context("metrics file")?;
    }
    let serving = web.serve(desk, stop);
    match &plan.metrics_file {
        None => serving.await,
        Some(path) => {
            tokio::select! {
                () = serving => {}
                () = written(path, &refusals) => {}
            }
            write(path, &refusals);
        }
    }
    tell(&[NotifyState::Stopping]);
    prober.drain().await;
    tracing::info!("stopped");
    Ok(())
}

/// Writes what was refused, now and then.
async fn written(path: &Path, refusals: &Refusals) {
    loop {
        tokio::time::sleep(METRICS_EVERY).await;
        write(path, refusals);
    }
}

fn write(path: &Path, refusals: &Refusals) {
    let more = refusals.take();
    if !more.is_empty()
        && let Err(error) = refused(path, &more)
    {
        tracing::error!(%error, path = %path.display(), ?more, "these refusals are not counted");
    }
}

/// How often the numbers are written.
const METRICS_EVERY: Duration = Duration::from_secs(10);

/// Looks at what was changed, on workers of its own.
fn notifier(place: Place, probe: ProbeSettings, reach: Reach) -> Notifier {
    Box::new(move |who, paths| {
        let now_unix_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let actor = Actor { name: who.to_owned(), now_unix_s };
        let (place, probe, mirrors) = (place.clone(), probe.clone(), Some(reach));
        let notified = Notified { place, probe, mirrors, actor };
        Ok(told(&notified, paths)?)
    })
}

fn reload(tls: Option<&Tls>) {
    match tls.map(Tls::reload) {
        None => {}
        Some(Ok(())) => tracing::info!("the certificate was read again"),
        Some(Err(error)) => {
            tracing::error!(%error, "the new certificate is not used; the old one stays");
        }
    }
}
