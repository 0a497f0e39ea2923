//! A bucket of S3: keys, a thousand to a page, and no pages of folders.

use std::sync::Arc;

use heliostat_observe_probe::Validators;
use heliostat_observe_probe::wire::Fact;

use crate::ask::{Asked, escape};
use crate::judge::IndexLook;
use crate::pages::{Ended, Learned, Look, rank};
use crate::sight::{End, Sight};

/// Lists a bucket and compares it, if the mirror is one; whether it is.
pub(crate) async fn walk(look: &Arc<Look>, learned: &mut Learned) -> bool {
    for root in roots(&look.base) {
        let mut sight = Sight::new(look.tree.clone(), look.now_unix_s, false);
        let Some(end) = list(look, &root, &mut sight, learned).await else { continue };
        for at in sight.doubtful() {
            let index = index(look, at).await;
            sight.indexed(at, index);
        }
        learned.findings = sight.findings(end);
        return true;
    }
    false
}

/// Where a bucket may be listed, and the prefix of its keys: its name may be the host's or the
/// first step of the path.
fn roots(base: &str) -> Vec<(String, String)> {
    let mut parts = base.splitn(4, '/');
    let (scheme, _, host) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
    let path = parts.next().unwrap_or_default().trim_matches('/');
    let host = format!("{}//{host}", scheme.unwrap_or_default());
    let prefix = |path: &str| if path.is_empty() { String::new() } else { format!("{path}/") };
    let mut roots = Vec::new();
    if !path.is_empty() {
        let (bucket, below) = path.split_once('/').unwrap_or((path, ""));
        roots.push((format!("{host}/{bucket}/"), prefix(below)));
    }
    roots.push((format!("{host}/"), prefix(path)));
    roots
}

/// Takes all keys; nothing, if the first page is none of a bucket.
async fn list(
    look: &Look,
    (root, prefix): &(String, String),
    sight: &mut Sight,
    learned: &mut Learned,
) -> Option<End> {
    let mut prefix_escaped = String::new();
    escape(prefix, &mut prefix_escaped);
    let mut behind = String::new();
    for page in 0..PAGES_MAX {
        let url = format!("{root}?list-type=2&prefix={prefix_escaped}{behind}");
        let found = match look.asker.listing(&url, &Validators::default()).await {
            Asked::Got(found, _) if found.facts.text(Fact::Style) == Some("s3") => found,
            Asked::Enough(wait) => {
                learned.ended = Some(Ended::Enough(wait.map(|wait| wait.as_secs())));
                return (page > 0).then_some(End::Broken);
            }
            _ if page == 0 => return None,
            _ => {
                learned.problem("the listing of the bucket broke off".to_owned());
                return Some(End::Broken);
            }
        };
        // Without any key below it there is nothing to compare; another root may have some.
        if page == 0 && found.entries.is_empty() {
            return None;
        }
        found.entries.iter().for_each(|entry| sight.take(&entry.path, entry));
        let Some(token) = found.facts.text(Fact::Continuation) else { return Some(End::Complete) };
        behind = "&continuation-token=".to_owned();
        escape(token, &mut behind);
    }
    learned.problem(format!("the listing of the bucket has more than {PAGES_MAX} pages"));
    Some(End::Broken)
}

/// Which version of an index its content is.
async fn index(look: &Look, at: usize) -> IndexLook {
    let Some(url) = look.index_url(at) else { return IndexLook::None };
    match look.asker.proof(&url, &Validators::default()).await {
        Asked::Got((proof, head), _) => {
            rank(&look.tree, at, proof, head.modified_unix_s, look.now_unix_s)
        }
        Asked::Absent => IndexLook::Absent,
        _ => IndexLook::Unknown,
    }
}

/// Twenty million keys.
const PAGES_MAX: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::roots;

    #[test]
    fn a_bucket_is_a_host_or_a_step() {
        let pair = |root: &str, prefix: &str| (root.to_owned(), prefix.to_owned());
        let found = roots("https://s3.example.org/linux/pub/40");
        let wanted = [
            pair("https://s3.example.org/linux/", "pub/40/"),
            pair("https://s3.example.org/", "linux/pub/40/"),
        ];
        assert_eq!(found, wanted);
        assert_eq!(roots("https://a.example.org"), [pair("https://a.example.org/", "")]);
    }
}
