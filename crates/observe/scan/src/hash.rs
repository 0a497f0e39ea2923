//! Four hashes in one pass, which can be interrupted.

use heliostat_catalog::directory::FileDetail;
use heliostat_observe_probe::wire::Hash;
use md5::Md5;
use sha1::Sha1;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest, Sha256, Sha512};

/// MD5, SHA-1, SHA-256 and SHA-512 of bytes that come part by part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hashes {
    md5: Md5,
    sha1: Sha1,
    sha256: Sha256,
    sha512: Sha512,
    bytes: u64,
}

impl Hashes {
    pub(crate) fn update(&mut self, part: &[u8]) {
        // Small enough that all four find it in the CPU's cache.
        for part in part.chunks(PART_BYTES) {
            self.md5.update(part);
            self.sha1.update(part);
            self.sha256.update(part);
            self.sha512.update(part);
        }
        self.bytes += part.len() as u64;
    }

    /// How many bytes have been hashed.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The version of a file with this content.
    pub(crate) fn finish(self, timestamp_unix_s: Option<i64>) -> FileDetail {
        FileDetail {
            timestamp_unix_s: timestamp_unix_s.filter(|&unix_s| unix_s >= 0),
            size_bytes: i64::try_from(self.bytes).ok(),
            md5: Some(Hash::Md5(self.md5.finalize().into()).hex()),
            sha1: Some(Hash::Sha1(self.sha1.finalize().into()).hex()),
            sha256: Some(Hash::Sha256(self.sha256.finalize().into()).hex()),
            sha512: Some(Hash::Sha512(self.sha512.finalize().into()).hex()),
        }
    }

    /// All that is needed to go on after these bytes.
    pub(crate) fn state(&self) -> Vec<u8> {
        let mut state = self.bytes.to_le_bytes().to_vec();
        state.extend_from_slice(&self.md5.serialize());
        state.extend_from_slice(&self.sha1.serialize());
        state.extend_from_slice(&self.sha256.serialize());
        state.extend_from_slice(&self.sha512.serialize());
        state
    }

    /// Goes on where a state was taken; nothing, when it is none of this program.
    pub(crate) fn resume(state: &[u8]) -> Option<Hashes> {
        let (bytes, rest) = state.split_first_chunk()?;
        let (md5, rest) = one::<Md5>(rest)?;
        let (sha1, rest) = one::<Sha1>(rest)?;
        let (sha256, rest) = one::<Sha256>(rest)?;
        let (sha512, rest) = one::<Sha512>(rest)?;
        let bytes = u64::from_le_bytes(*bytes);
        rest.is_empty().then_some(Hashes { md5, sha1, sha256, sha512, bytes })
    }
}

fn one<H: SerializableState>(state: &[u8]) -> Option<(H, &[u8])> {
    let length = SerializedState::<H>::default().len();
    let (own, rest) = state.split_at_checked(length)?;
    let own = SerializedState::<H>::try_from(own).ok()?;
    Some((H::deserialize(&own).ok()?, rest))
}

const PART_BYTES: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::Hashes;

    #[test]
    fn an_interrupted_hash_is_the_same() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        let mut whole = Hashes::default();
        whole.update(&bytes);
        let whole = whole.finish(Some(7));
        assert_eq!(whole.md5.as_deref().map(str::len), Some(32));
        for cut in [0, 1, 63, 64, 65, 50_000, 100_000] {
            let mut first = Hashes::default();
            first.update(&bytes[..cut]);
            let mut second = Hashes::resume(&first.state()).expect("a state");
            assert_eq!(second.bytes(), cut as u64);
            second.update(&bytes[cut..]);
            assert_eq!(second.finish(Some(7)), whole);
        }
        assert!(Hashes::resume(b"x").is_none());
        let known = Hashes::default().finish(None);
        assert_eq!(known.md5.as_deref(), Some("d41d8cd98f00b204e9800998ecf8427e"));
    }
}
