//! Who may connect: whoever has the key.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use hmac::digest::array::Array;
use hmac::{Hmac, KeyInit, Mac};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use sha2::{Digest, Sha256};

use crate::threading::Mutex;

/// Bytes of a key that was made here, of a nonce, and of a code.
pub(super) const LENGTH: usize = 32;
/// Bytes that the hash takes at a time; a key is brought to that length (RFC 2104).
const BLOCK: usize = 64;

/// A secret that both sides of a connection have: Python's `authkey`. It never goes over a connection, and is not
/// shown by `Debug`.
///
/// Whoever pretends to be a listener gets something to try guesses at, so a key is to be random, not a word. To
/// have it in another program that is no child of this one, write [`as_bytes`](Self::as_bytes) to a file that only
/// its user can read.
///
/// ```
/// use inkle::multiprocessing::AuthKey;
///
/// let key = AuthKey::random()?;
/// assert_eq!(key.as_bytes().len(), 32);
/// let same = AuthKey::new(key.as_bytes())?;
/// assert_eq!(format!("{same:?}"), "AuthKey(..)");
/// assert!(AuthKey::new(b"").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct AuthKey(Arc<[u8]>);

impl AuthKey {
    /// The key of these bytes.
    ///
    /// Errors: there are none, which anybody has.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, EmptyKey> {
        let bytes = bytes.as_ref();
        if bytes.is_empty() { Err(EmptyKey) } else { Ok(Self(bytes.into())) }
    }

    /// A key that nobody else has: 32 bytes from the system.
    ///
    /// Errors: the system's.
    pub fn random() -> io::Result<Self> {
        Ok(Self(random()?.into()))
    }

    /// The bytes it was made of.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn code(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut block = [0; BLOCK];
        if self.0.len() <= BLOCK {
            block[..self.0.len()].copy_from_slice(&self.0);
        } else {
            block[..LENGTH].copy_from_slice(&Sha256::digest(&self.0));
        }
        parts.iter().fold(Hmac::new(&Array(block)), |code, part| code.chain_update(part))
    }

    /// The code of a message, in parts: only who has the key can tell it.
    pub(super) fn sign(&self, parts: &[&[u8]]) -> [u8; LENGTH] {
        self.code(parts).finalize().into_bytes().into()
    }

    /// Whether that is its code; takes the same time wherever the first wrong byte is.
    pub(super) fn verify(&self, parts: &[&[u8]], code: &[u8; LENGTH]) -> bool {
        self.code(parts).verify(&Array(*code)).is_ok()
    }
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthKey(..)")
    }
}

/// A key of no bytes is none.
///
/// ```
/// use inkle::multiprocessing::{AuthKey, EmptyKey};
///
/// assert!(matches!(AuthKey::new([]), Err(EmptyKey)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmptyKey;

impl fmt::Display for EmptyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key needs at least one byte")
    }
}

impl Error for EmptyKey {}

/// Bytes that nobody can foretell.
pub(super) fn random() -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    loop {
        match getrandom(&mut bytes, GetRandomFlags::empty()) {
            Ok(LENGTH) => return Ok(bytes),
            // Interrupted before the system has any.
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

static KEY: Mutex<Option<AuthKey>> = Mutex::new(None);

/// The key of this process: listeners and clients take it if they are given no other. Made at the first call, at
/// random; child processes get their parent's. (MP010, MP028)
///
/// Errors: the system's, which has no random bytes.
///
/// ```
/// use inkle::multiprocessing::authkey;
///
/// assert_eq!(authkey()?.as_bytes(), authkey()?.as_bytes());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn authkey() -> io::Result<AuthKey> {
    let mut key = KEY.lock();
    match &*key {
        Some(key) => Ok(key.clone()),
        None => Ok(key.insert(AuthKey::random()?).clone()),
    }
}

/// Has [`authkey`] be that from now on, here and in children that are started later. (MP010)
///
/// ```standalone_crate
/// use inkle::multiprocessing::{AuthKey, authkey, set_authkey};
///
/// set_authkey(AuthKey::new(b"from a file that only we can read")?);
/// assert_eq!(authkey()?.as_bytes().len(), 33);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn set_authkey(key: AuthKey) {
    *KEY.lock() = Some(key);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_any_length_are_those_of_the_standard() {
        for length in [1, 31, 63, 64, 65, 200] {
            let bytes: Vec<u8> = (0..length).collect();
            let key = AuthKey::new(&bytes).unwrap();
            let standard = Hmac::<Sha256>::new_from_slice(&bytes).unwrap();
            let code = standard.chain_update(b"warp weft").finalize().into_bytes();
            assert_eq!(key.sign(&[b"warp ", b"weft"]), <[u8; LENGTH]>::from(code));
            assert!(key.verify(&[b"warp weft"], &code.into()));
            assert!(!key.verify(&[b"warp-weft"], &code.into()));
        }
    }

    /// RFC 4231, test case 2.
    #[test]
    fn a_code_is_that_of_the_standard() {
        let code = AuthKey::new(b"Jefe").unwrap().sign(&[b"what do ya want for nothing?"]);
        let hex: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
