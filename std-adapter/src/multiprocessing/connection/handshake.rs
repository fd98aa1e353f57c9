//! Each side shows the other that it has the key, and tells it nothing about it (MP028).
//!
//! # Format
//!
//! | who | bytes |
//! |---|---|
//! | listener | a mark (8), its nonce (32) |
//! | client | its nonce (32), its code (32) |
//! | listener | 1 and its code (32); or zeros: no |
//!
//! A code is the HMAC-SHA256, by the key, of the role, the listener's nonce and the client's, each of a fixed length.
//!
//! # Why
//!
//! - Nonces are new each time: what was heard once is of no use later.
//! - The role is in the code: what one side has said cannot be sent back to it as the other side's answer.
//! - The client is first: a stranger at the listener gets no code at all. Whoever makes a client connect to him gets
//!   one for a nonce of his choice; it is of use to try guesses at the key, or to be handed on to the true listener
//!   at once, by somebody in between. What goes over the connection afterwards is neither secret nor signed: on a
//!   network that somebody else can reach into, use a tunnel.
//! - All lengths are fixed, and nothing is decoded but these bytes.

use std::io;

use crate::multiprocessing::auth::{self, AuthKey, LENGTH};

const MARK: [u8; 8] = *b"inkle 1\n";
pub(super) const HELLO: usize = MARK.len() + LENGTH;
pub(super) const ANSWER: usize = 2 * LENGTH;
pub(super) const VERDICT: usize = 1 + LENGTH;
const ADMITTED: u8 = 1;

#[derive(Clone, Copy)]
enum Role {
    Listener,
    Client,
}

impl Role {
    fn name(self) -> &'static [u8; 8] {
        match self {
            Self::Listener => b"listener",
            Self::Client => b"client  ",
        }
    }
}

/// The nonces of both.
#[derive(Clone, Copy)]
struct Nonces {
    listener: [u8; LENGTH],
    client: [u8; LENGTH],
}

impl Nonces {
    fn sign(&self, key: &AuthKey, role: Role) -> [u8; LENGTH] {
        key.sign(&[role.name(), &self.listener, &self.client])
    }

    fn verify(&self, key: &AuthKey, role: Role, code: &[u8; LENGTH]) -> bool {
        key.verify(&[role.name(), &self.listener, &self.client], code)
    }
}

/// What a listener asks of a client.
#[derive(Debug)]
pub(super) struct Challenge([u8; LENGTH]);

impl Challenge {
    /// Errors: the system's, which has no random bytes.
    pub(super) fn new() -> io::Result<Self> {
        auth::random().map(Self)
    }

    pub(super) fn hello(&self) -> [u8; HELLO] {
        join(&MARK, &self.0)
    }

    /// Whether the client has the key, and what to tell it.
    pub(super) fn judge(&self, key: &AuthKey, answer: &[u8; ANSWER]) -> (bool, [u8; VERDICT]) {
        let (client, code) = halves(answer);
        let nonces = Nonces { listener: self.0, client };
        if nonces.verify(key, Role::Client, &code) {
            (true, join(&[ADMITTED], &nonces.sign(key, Role::Listener)))
        } else {
            (false, [0; VERDICT])
        }
    }
}

/// What a client has answered.
pub(super) struct Answer(Nonces);

impl Answer {
    /// `None`: this is no listener.
    ///
    /// Errors: the system's, which has no random bytes.
    pub(super) fn new(hello: &[u8; HELLO]) -> io::Result<Option<Self>> {
        let (mark, nonce) = hello.split_at(MARK.len());
        if mark != MARK {
            return Ok(None);
        }
        let mut listener = [0; LENGTH];
        listener.copy_from_slice(nonce);
        Ok(Some(Self(Nonces { listener, client: auth::random()? })))
    }

    pub(super) fn bytes(&self, key: &AuthKey) -> [u8; ANSWER] {
        join(&self.0.client, &self.0.sign(key, Role::Client))
    }

    /// Whether the listener has admitted us, and has the key.
    pub(super) fn is_admitted(&self, key: &AuthKey, verdict: &[u8; VERDICT]) -> bool {
        let mut code = [0; LENGTH];
        code.copy_from_slice(&verdict[1..]);
        verdict[0] == ADMITTED && self.0.verify(key, Role::Listener, &code)
    }
}

fn join<const N: usize>(first: &[u8], second: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[..first.len()].copy_from_slice(first);
    bytes[first.len()..].copy_from_slice(second);
    bytes
}

fn halves(bytes: &[u8; ANSWER]) -> ([u8; LENGTH], [u8; LENGTH]) {
    let mut halves = ([0; LENGTH], [0; LENGTH]);
    halves.0.copy_from_slice(&bytes[..LENGTH]);
    halves.1.copy_from_slice(&bytes[LENGTH..]);
    halves
}

/// For `multiprocessing::fuzzed`: what comes of somebody who has no key, to a listener and to a client.
#[cfg(inkle_fuzz)]
pub fn fuzzed(mut bytes: &[u8]) {
    use crate::multiprocessing::fuzzed::take;

    let (Ok(key), Ok(challenge)) = (AuthKey::new("weft"), Challenge::new()) else { return };
    let (admitted, verdict) = challenge.judge(&key, &take(&mut bytes));
    assert!(!admitted && verdict == [0; VERDICT], "without the key");
    let mut hello: [u8; HELLO] = take(&mut bytes);
    let is_ours = hello[..MARK.len()] == MARK;
    if let Ok(answer) = Answer::new(&hello) {
        assert_eq!(answer.is_some(), is_ours);
    }
    hello[..MARK.len()].copy_from_slice(&MARK);
    if let Ok(Some(answer)) = Answer::new(&hello) {
        assert!(!answer.is_admitted(&key, &take(&mut bytes)), "by one without the key");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn key(bytes: &[u8]) -> AuthKey {
        AuthKey::new(bytes).unwrap()
    }

    #[test]
    fn mp028_both_have_the_key_or_neither_is_believed() {
        for (ours, theirs) in [("a", "a"), ("a", "b"), ("a", "aa")] {
            let (ours, theirs) = (key(ours.as_bytes()), key(theirs.as_bytes()));
            let same = ours.as_bytes() == theirs.as_bytes();
            let challenge = Challenge::new().unwrap();
            let answer = Answer::new(&challenge.hello()).unwrap().unwrap();
            let (admitted, verdict) = challenge.judge(&ours, &answer.bytes(&theirs));
            assert_eq!(admitted, same);
            assert_eq!(answer.is_admitted(&theirs, &verdict), same);
        }
    }

    #[test]
    fn mp028_each_byte_counts() {
        let key = key(b"key");
        let challenge = Challenge::new().unwrap();
        let answer = Answer::new(&challenge.hello()).unwrap().unwrap();
        let bytes = answer.bytes(&key);
        for at in 0..ANSWER {
            let mut changed = bytes;
            changed[at] ^= 1;
            assert_eq!(challenge.judge(&key, &changed), (false, [0; VERDICT]));
        }
        let (_, verdict) = challenge.judge(&key, &bytes);
        for at in 0..VERDICT {
            let mut changed = verdict;
            changed[at] ^= 1;
            assert!(!answer.is_admitted(&key, &changed));
        }
        let mut hello = challenge.hello();
        hello[0] ^= 1;
        assert!(Answer::new(&hello).unwrap().is_none());
    }

    #[test]
    fn mp028_neither_replay_nor_reflection() {
        let key = key(b"key");
        let (challenge, later) = (Challenge::new().unwrap(), Challenge::new().unwrap());
        let answer = Answer::new(&challenge.hello()).unwrap().unwrap();
        let bytes = answer.bytes(&key);
        assert!(challenge.judge(&key, &bytes).0);
        // The same bytes once more, to the next challenge.
        assert!(!later.judge(&key, &bytes).0);
        // A false listener that sends a client's own code back to it.
        let verdict = join(&[ADMITTED], &halves(&bytes).1);
        assert!(!answer.is_admitted(&key, &verdict));
        // A listener's code as an answer to that listener.
        let (_, verdict) = challenge.judge(&key, &bytes);
        let reflected = join(&halves(&bytes).0, &verdict[1..]);
        assert!(!challenge.judge(&key, &reflected).0);
    }
}
