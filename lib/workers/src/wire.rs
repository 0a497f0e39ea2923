//! The frames that parent and worker exchange: one header of 32 bytes each way, then a body.
//!
//! This is the whole protocol of pipe mode, so that a worker can be written in any language
//! ([`guide`](crate::guide) has one in Python), and the handshake of ring mode. All numbers are
//! little-endian.
//!
//! | offset | size | parent to worker | worker to parent |
//! |---|---|---|---|
//! | 0 | 4 | tag: `HELO`, `JOB1` | tag: `REDY`, `RPLY` |
//! | 4 | 4 | kind of the job | [`Status`] |
//! | 8 | 8 | id | the same id |
//! | 16 | 4 | length of the body | length of the body |
//! | 20 | 4 | longest reply wanted | zero |
//! | 24 | 8 | zero | nanoseconds of work |

/// Bytes of a [`Head`] on the wire.
pub(crate) const HEAD_BYTES: usize = 32;

/// The version that `HELO` carries as its kind.
pub(crate) const VERSION: u32 = 1;

/// First bytes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    /// Parent to worker, first: settings as lines of text.
    Hello,
    /// Worker to parent, first: what is in force, as lines of text.
    Ready,
    /// Parent to worker.
    Job,
    /// Worker to parent.
    Reply,
}

impl Tag {
    fn bytes(self) -> [u8; 4] {
        match self {
            Tag::Hello => *b"HELO",
            Tag::Ready => *b"REDY",
            Tag::Job => *b"JOB1",
            Tag::Reply => *b"RPLY",
        }
    }

    fn of(bytes: [u8; 4]) -> Option<Tag> {
        [Tag::Hello, Tag::Ready, Tag::Job, Tag::Reply].into_iter().find(|tag| tag.bytes() == bytes)
    }
}

/// What became of a job, as its worker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// The body is the reply.
    Done,
    /// The job was understood and refused; the body says why.
    Failed,
    /// The job panicked; the body says why, and the worker ends.
    Panicked,
    /// The reply is longer than was asked for.
    TooLong,
    /// The caller went away before the job began.
    Skipped,
}

impl Status {
    pub(crate) fn number(self) -> u32 {
        match self {
            Status::Done => 0,
            Status::Failed => 1,
            Status::Panicked => 2,
            Status::TooLong => 3,
            Status::Skipped => 4,
        }
    }

    pub(crate) fn of(number: u32) -> Option<Status> {
        [Status::Done, Status::Failed, Status::Panicked, Status::TooLong, Status::Skipped]
            .into_iter()
            .find(|status| status.number() == number)
    }
}

/// The header of a frame; see the module for what the fields mean in each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) tag: Tag,
    pub(crate) word: u32,
    pub(crate) id: u64,
    pub(crate) len: u32,
    pub(crate) max_reply: u32,
    pub(crate) run_ns: u64,
}

impl Head {
    /// As it travels.
    pub(crate) fn encode(&self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        let mut at = 0;
        let mut put = |part: &[u8]| {
            if let Some(room) = bytes.get_mut(at..at + part.len()) {
                room.copy_from_slice(part);
            }
            at += part.len();
        };
        put(&self.tag.bytes());
        put(&self.word.to_le_bytes());
        put(&self.id.to_le_bytes());
        put(&self.len.to_le_bytes());
        put(&self.max_reply.to_le_bytes());
        put(&self.run_ns.to_le_bytes());
        bytes
    }

    /// The header at the beginning of `bytes`; none if they are too few or begin with no tag.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Head> {
        let (tag, rest) = bytes.split_first_chunk::<4>()?;
        let (word, rest) = rest.split_first_chunk::<4>()?;
        let (id, rest) = rest.split_first_chunk::<8>()?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let (max_reply, rest) = rest.split_first_chunk::<4>()?;
        let (run_ns, _) = rest.split_first_chunk::<8>()?;
        Some(Head {
            tag: Tag::of(*tag)?,
            word: u32::from_le_bytes(*word),
            id: u64::from_le_bytes(*id),
            len: u32::from_le_bytes(*len),
            max_reply: u32::from_le_bytes(*max_reply),
            run_ns: u64::from_le_bytes(*run_ns),
        })
    }

    /// The header of a handshake frame.
    pub(crate) fn handshake(tag: Tag, word: u32, len: usize) -> Head {
        Head { tag, word, id: 0, len: length(len), max_reply: 0, run_ns: 0 }
    }
}

/// A length as it travels; whoever sends has checked the limit, which is far below 4 GiB.
pub(crate) fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{HEAD_BYTES, Head, Status, Tag};

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            word: u32, id: u64, len: u32, max_reply: u32, run_ns: u64, tag in 0_usize..4,
        ) {
            let tag = [Tag::Hello, Tag::Ready, Tag::Job, Tag::Reply][tag];
            let head = Head { tag, word, id, len, max_reply, run_ns };
            prop_assert_eq!(Head::decode(&head.encode()), Some(head));
        }

        #[test]
        fn any_bytes_are_a_head_or_none(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Some(head) = Head::decode(&bytes) {
                prop_assert!(bytes.len() >= HEAD_BYTES);
                prop_assert_eq!(&head.encode()[..], &bytes[..HEAD_BYTES]);
            }
        }
    }

    #[test]
    fn a_short_head_is_none() {
        let head = Head::handshake(Tag::Hello, 1, 0).encode();
        assert!((0..HEAD_BYTES).all(|len| Head::decode(&head[..len]).is_none()));
    }

    #[test]
    fn statuses_have_one_number_each() {
        for number in 0..32 {
            assert!(Status::of(number).is_none_or(|status| status.number() == number));
        }
        assert_eq!(Status::of(5), None);
    }
}
