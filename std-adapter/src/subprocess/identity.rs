//! Users and groups, by name or number.

use std::ffi::CString;
use std::mem::zeroed;
use std::ptr;

use super::StartCause;

/// A user or a group. (SP022)
///
/// ```
/// use inkle::subprocess::Identity;
///
/// let by_number = Identity::from(0);
/// let by_name = Identity::from("root");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// By its number.
    Number(u32),
    /// By its name, which is looked up when a program is started.
    Name(String),
}

impl From<u32> for Identity {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Identity {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for Identity {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    User,
    Group,
}

/// A line of the system's lists is no longer than this.
const MOST: usize = 1 << 20;

impl Identity {
    pub(super) fn number(&self, kind: Kind) -> Result<u32, StartCause> {
        let name = match self {
            Self::Number(number) => return Ok(*number),
            Self::Name(name) => name,
        };
        let unknown = || StartCause::NoSuchIdentity(name.clone());
        let text = CString::new(name.as_str()).map_err(|_| unknown())?;
        let mut room = vec![0; 1024];
        loop {
            let (code, number) = look_up(&text, kind, &mut room);
            match (code, number) {
                (libc::ERANGE, _) if room.len() < MOST => room.resize(2 * room.len(), 0),
                (_, Some(number)) => return Ok(number),
                _ => return Err(unknown()),
            }
        }
    }
}

fn look_up(name: &CString, kind: Kind, room: &mut [libc::c_char]) -> (libc::c_int, Option<u32>) {
    match kind {
        Kind::User => {
            // SAFETY: numbers and pointers, which may be zero.
            let mut entry: libc::passwd = unsafe { zeroed() };
            let mut found = ptr::null_mut();
            // SAFETY: a string, and room of the length that is said, all of which live until it returns.
            let code = unsafe {
                let (start, len) = (room.as_mut_ptr(), room.len());
                libc::getpwnam_r(name.as_ptr(), &raw mut entry, start, len, &raw mut found)
            };
            (code, (!found.is_null()).then_some(entry.pw_uid))
        }
        Kind::Group => {
            // SAFETY: as above.
            let mut entry: libc::group = unsafe { zeroed() };
            let mut found = ptr::null_mut();
            // SAFETY: as above.
            let code = unsafe {
                let (start, len) = (room.as_mut_ptr(), room.len());
                libc::getgrnam_r(name.as_ptr(), &raw mut entry, start, len, &raw mut found)
            };
            (code, (!found.is_null()).then_some(entry.gr_gid))
        }
    }
}
