//! What was learned, into the catalog.

use heliostat_catalog::crawl::CrawlHost;
use heliostat_catalog::looks::{Look, LooksBuilder};
use heliostat_catalog::{Actor, Catalog, Ending, Error, Txn};

use crate::host::{Batch, HostReport};
use crate::plan::Target;
use crate::verdict::Verdict;

/// Writes what was learned of some mirrors, in one transaction.
pub(crate) fn record(catalog: &mut Catalog, actor: &Actor, batches: &[Batch]) -> Result<(), Error> {
    if batches.is_empty() {
        return Ok(());
    }
    catalog.write(actor, Ending::Commit, |txn| {
        for batch in batches {
            // A mirror that was removed meanwhile is passed over.
            if txn.view().is_mirror(batch.mirror_id)? {
                one(txn, batch)?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

fn one(txn: &mut Txn<'_>, batch: &Batch) -> Result<(), Error> {
    let before = txn.view().states_find(batch.mirror_id)?;
    let states = batch.findings.states(&batch.tree, &before);
    txn.states_set(batch.mirror_id, &batch.label, &states)?;
    let mut looks = LooksBuilder::default();
    for &at in &batch.tree.by_id {
        let verdict = batch.findings.verdict(at as usize);
        if !matches!(verdict, Verdict::Unknown(_)) {
            let look = Look { behind: Batch::behind(verdict), ..batch.look };
            looks.push(batch.tree.dirs[at as usize].id, look);
        }
    }
    let before = txn.view().looks_find(batch.mirror_id)?;
    txn.looks_set(batch.mirror_id, &before.renewed(&looks.finish()))?;
    if !batch.probes.is_empty() {
        // A probe tells the score that its URL has; a crawl does not change it.
        let health = txn.view().health_list()?;
        let numbers = txn.view().mirror_urls(batch.mirror_id)?;
        let mut probes = batch.probes.clone();
        for probe in &mut probes {
            let number =
                numbers.iter().find(|(_, url)| *url == probe.url).map(|(number, _)| *number);
            let known = health.iter().find(|health| {
                (health.mirror_id, Some(health.number)) == (batch.mirror_id, number)
            });
            probe.score = known.map_or(probe.score, |health| health.score);
        }
        txn.probes_insert(&mut probes)?;
    }
    match &batch.validators {
        Some(validators) => txn.validators_set(batch.mirror_id, validators),
        None => Ok(()),
    }
}

/// Notes how a host's crawl went.
pub(crate) fn ended(
    catalog: &mut Catalog,
    actor: &Actor,
    target: &Target,
    report: &HostReport,
    now_unix_s: i64,
) -> Result<(), Error> {
    let later_s = report.later_s.and_then(|later_s| i64::try_from(later_s).ok());
    let crawled = CrawlHost {
        host_id: target.host_id,
        crawled_unix_s: now_unix_s,
        rounds: target.last.rounds.saturating_add(1),
        failures: if report.has_answered() { 0 } else { target.last.failures.saturating_add(1) },
        later_unix_s: later_s.map_or(0, |later_s| now_unix_s.saturating_add(later_s)),
        requests: report.requests,
        duration_ms: report.duration_ms,
        reason: report.reason(),
    };
    catalog.write(actor, Ending::Commit, |txn| {
        // A host that was removed meanwhile has no crawl.
        match txn.view().is_host(crawled.host_id)? {
            true => txn.crawl_set(&crawled),
            false => Ok(()),
        }
    })?;
    Ok(())
}
