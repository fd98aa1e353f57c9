//! `inkle::multiprocessing`: pipes, connections and waiting for them, by spec id; hostile and dying peers.
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use inkle::multiprocessing::{
    Connection, Receiver, RecvError, SendError, Sender, one_way, pipe, try_wait, wait,
    wait_timeout, wait_until,
};
use inkle::platform::{Deadline, after};
use inkle_tests::{PATIENCE, SETTLE, watchdog};

/// More than the system keeps for a socket.
const LARGE: usize = 4 << 20;

/// A connection, and the raw stream at its other end.
fn raw() -> (Connection, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Connection::try_from(OwnedFd::from(ours)).unwrap(), theirs)
}

/// What a connection sends for these bytes.
fn frame(bytes: &[u8]) -> Vec<u8> {
    let (connection, mut stream) = raw();
    connection.send_bytes(bytes).unwrap();
    drop(connection);
    let mut frame = Vec::new();
    stream.read_to_end(&mut frame).unwrap();
    frame
}

fn tcp() -> (Connection, Connection) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (other, _) = listener.accept().unwrap();
    let connection = |stream| Connection::try_from(OwnedFd::from(stream)).unwrap();
    (connection(one), connection(other))
}

/// Whether the file behind both is the same.
fn are_same(one: impl AsFd, other: impl AsFd) -> bool {
    let inode = |fd: &dyn AsFd| rustix::fs::fstat(fd.as_fd()).unwrap().st_ino;
    inode(&one) == inode(&other)
}

#[test]
fn mp020_both_directions_or_one() {
    let (here, there) = pipe().unwrap();
    here.send(&1u32).unwrap();
    there.send("two").unwrap();
    assert_eq!(there.recv::<u32>().unwrap(), 1);
    assert_eq!(here.recv::<String>().unwrap(), "two");
    let (receiver, sender) = one_way::<(u8, Option<String>)>().unwrap();
    sender.send(&(3, Some("x".into()))).unwrap();
    assert!(sender.try_send(&(4, None)).is_ok());
    assert_eq!(receiver.recv().unwrap(), (3, Some("x".into())));
    assert_eq!(receiver.try_recv().unwrap(), (4, None));
    assert!(matches!(receiver.try_recv(), Err(RecvError::TimedOut)));
}

#[test]
fn mp021_bytes_and_polls() {
    let (here, there) = pipe().unwrap();
    assert!(!there.poll());
    assert!(!there.poll_timeout(Duration::from_millis(1)));
    here.send_bytes(b"").unwrap();
    here.send_bytes(b"abc").unwrap();
    assert!(there.poll());
    assert_eq!(there.recv_bytes(0).unwrap(), b"");
    let mut buffer = [0; 8];
    assert_eq!(there.recv_bytes_into(&mut buffer).unwrap(), 3);
    assert_eq!(&buffer, b"abc\0\0\0\0\0");
    assert!(!there.poll());
    drop(here);
    assert!(there.poll_until(Deadline::NEVER), "the end is something to receive");
}

#[test]
fn mp022_an_end_goes_through_another() {
    let _watch = watchdog();
    let (here, there) = pipe().unwrap();
    let (ours, theirs) = pipe().unwrap();
    here.send(&("take this", theirs)).unwrap();
    // `theirs` is dropped, and still open: it is on its way.
    ours.send(&9).unwrap();
    let (text, arrived) = there.recv::<(String, Connection)>().unwrap();
    assert_eq!((&text[..], arrived.recv::<i32>().unwrap()), ("take this", 9));
    drop(arrived);
    assert!(matches!(ours.recv::<i32>(), Err(RecvError::Closed)));

    let (receiver, sender) = one_way::<u8>().unwrap();
    here.send(&(&receiver, &sender, &receiver)).unwrap();
    let (one, two, _three) = there.recv::<(Receiver<u8>, Sender<u8>, Receiver<u8>)>().unwrap();
    assert!(are_same(&one, &receiver) && are_same(&two, &sender));
    two.send(&1).unwrap();
    assert_eq!(one.recv().unwrap(), 1);
}

#[test]
fn mp022_a_handle_goes_nowhere_else_and_not_in_the_middle() {
    let (here, there) = pipe().unwrap();
    // Over TCP no descriptor can go: an error, and the connection goes on.
    let (client, server) = tcp();
    assert!(matches!(client.send(&here), Err(SendError::Handles)));
    client.send(&5).unwrap();
    assert_eq!(server.recv::<i32>().unwrap(), 5);
    // A TCP connection itself goes through a pipe.
    here.send(&client).unwrap();
    let moved = there.recv::<Connection>().unwrap();
    moved.send(&6).unwrap();
    assert_eq!(server.recv::<i32>().unwrap(), 6);
    // Half a message has come.
    let (half, mut stream) = raw();
    stream.write_all(&frame(b"whole")[..18]).unwrap();
    assert!(matches!(half.try_recv::<u8>(), Err(RecvError::TimedOut)));
    assert!(matches!(here.send(&half), Err(SendError::Encode(_))));
    // What is no stream is not taken for one.
    let file = File::open("/dev/null").unwrap();
    assert!(Connection::try_from(OwnedFd::from(file)).is_err());
    // A place of a descriptor that did not come.
    here.send(&0u32).unwrap();
    assert!(matches!(there.recv::<Connection>(), Err(RecvError::Decode(_))));
}

#[test]
fn mp023_messages_keep_their_bounds_up_to_the_end() {
    let _watch = watchdog();
    let (here, there) = pipe().unwrap();
    let sender = thread::spawn(move || {
        for length in [0, 1, 15, 16, 17, 4095, 65_536, LARGE, 40 << 20] {
            here.send_bytes(&vec![length as u8; length]).unwrap();
        }
    });
    for length in [0, 1, 15, 16, 17, 4095, 65_536, LARGE, 40 << 20] {
        let bytes = there.recv_bytes(usize::MAX).unwrap();
        assert!(bytes == vec![length as u8; length], "{length}");
    }
    sender.join().unwrap();
    assert!(matches!(there.recv::<()>(), Err(RecvError::Closed)));
    assert!(matches!(there.recv_bytes(0), Err(RecvError::Closed)));
    assert!(matches!(there.send(&1), Err(SendError::Closed)));
}

#[test]
fn mp023_what_is_of_another_type_is_gone_and_the_next_comes() {
    let (here, there) = pipe().unwrap();
    here.send(&"text").unwrap();
    here.send(&(1u8, 2u8)).unwrap();
    here.send(&3u8).unwrap();
    assert!(matches!(there.recv::<(String, u64)>(), Err(RecvError::Decode(_))));
    // Something is left over.
    assert!(matches!(there.recv::<u8>(), Err(RecvError::Decode(_))));
    assert_eq!(there.recv::<u8>().unwrap(), 3);
}

#[test]
fn mp024_mp019_what_is_too_long_stays() {
    let (here, there) = pipe().unwrap();
    let there = there.limit(100);
    here.send_bytes(&[7; 50]).unwrap();
    here.send(&vec![8u8; 200]).unwrap();
    let mut short = [0; 49];
    let error = there.recv_bytes_into(&mut short).unwrap_err();
    assert!(matches!(error, RecvError::TooLong { length: 50, limit: 49 }), "{error}");
    assert!(there.poll(), "and is still waited for");
    let mut enough = [0; 50];
    assert_eq!(there.recv_bytes_into(&mut enough).unwrap(), 50);
    assert_eq!(enough, [7; 50]);
    for _ in 0..2 {
        let error = there.recv::<Vec<u8>>().unwrap_err();
        assert!(matches!(error, RecvError::TooLong { length: 202, limit: 100 }), "{error}");
    }
    assert_eq!(there.recv_bytes(202).unwrap().len(), 202);
}

#[test]
fn mp025_threads_at_one_end_take_turns() {
    let _watch = watchdog();
    const THREADS: u64 = 4;
    const EACH: u64 = 200;
    // Some of them longer than a buffer.
    let filling = |thread, n| vec![thread as u8; if n % 50 == 0 { 500_000 } else { n as usize }];
    let (here, there) = pipe().unwrap();
    let (here, there) = (&here, &there);
    let mut seen: Vec<(u64, u64)> = thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for n in 0..EACH {
                    here.send(&(thread, n, filling(thread, n))).unwrap();
                }
            });
        }
        let receivers: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(move || {
                    let take = |_| {
                        let (thread, n, bytes) = there.recv::<(u64, u64, Vec<u8>)>().unwrap();
                        assert!(bytes == filling(thread, n));
                        (thread, n)
                    };
                    (0..EACH).map(take).collect::<Vec<_>>()
                })
            })
            .collect();
        receivers.into_iter().flat_map(|receiver| receiver.join().unwrap()).collect()
    });
    seen.sort_unstable();
    let all = (0..THREADS).flat_map(|thread| (0..EACH).map(move |n| (thread, n)));
    assert!(seen.into_iter().eq(all));
}

#[test]
fn mp025_a_turn_has_a_deadline_too() {
    let _watch = watchdog();
    let (here, there) = pipe().unwrap();
    thread::scope(|scope| {
        let receiver = scope.spawn(|| there.recv::<u8>());
        thread::sleep(SETTLE);
        assert!(matches!(there.try_recv::<u8>(), Err(RecvError::TimedOut)));
        let soon = Duration::from_millis(1);
        assert!(matches!(there.recv_timeout::<u8>(soon), Err(RecvError::TimedOut)));
        here.send(&1u8).unwrap();
        assert_eq!(receiver.join().unwrap().unwrap(), 1);
    });
}

#[test]
fn mp025_a_peer_killed_in_mid_message_is_told() {
    let _watch = watchdog();
    let (connection, stream) = raw();
    // A process of its own that sends a message and a half.
    let mut child =
        Command::new("cat").stdin(Stdio::piped()).stdout(OwnedFd::from(stream)).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&frame(b"whole")).unwrap();
    stdin.write_all(&frame(&[1; 10_000])[..5000]).unwrap();
    assert_eq!(connection.recv_bytes(100).unwrap(), b"whole");
    thread::scope(|scope| {
        let receiver = scope.spawn(|| connection.recv_bytes(10_000));
        thread::sleep(SETTLE);
        child.kill().unwrap();
        assert!(matches!(receiver.join().unwrap(), Err(RecvError::Truncated)));
    });
    child.wait().unwrap();
    assert!(matches!(connection.recv_bytes(10_000), Err(RecvError::Truncated)));
    assert!(matches!(connection.send(&1), Err(SendError::Closed)));
}

#[test]
fn a_receive_that_is_late_goes_on_later() {
    let (connection, mut stream) = raw();
    let bytes: Vec<u8> = (0..40).collect();
    for byte in frame(&bytes) {
        assert!(matches!(connection.try_recv::<u8>(), Err(RecvError::TimedOut)));
        stream.write_all(&[byte]).unwrap();
    }
    assert_eq!(connection.recv_bytes(40).unwrap(), bytes);
}

#[test]
fn a_send_that_is_late_is_finished_later_and_nothing_is_mixed() {
    let _watch = watchdog();
    let (here, there) = pipe().unwrap();
    let large: Vec<u8> = (0..LARGE).map(|n| (n / 1000) as u8).collect();
    assert!(matches!(here.send_bytes_until(&large, Deadline::PASSED), Err(SendError::Unfinished)));
    // Nothing of this one is sent, for the other has not gone.
    assert!(matches!(here.try_send(&1), Err(SendError::TimedOut)));
    let soon = Duration::from_millis(1);
    assert!(matches!(here.send_timeout(&1, soon), Err(SendError::TimedOut)));
    assert!(matches!(here.send_bytes_timeout(b"late", soon), Err(SendError::TimedOut)));
    assert!(matches!(here.flush_until(after(soon)), Err(SendError::TimedOut)));
    assert!(matches!(here.flush_timeout(soon), Err(SendError::TimedOut)));
    let (other, _other) = pipe().unwrap();
    assert!(matches!(other.send(&here), Err(SendError::Encode(_))), "in mid-message");
    thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            assert!(there.recv_bytes(LARGE).unwrap() == large);
            (there.recv::<u8>().unwrap(), there.recv_bytes(LARGE).unwrap() == large)
        });
        here.send(&2u8).unwrap();
        // The rest by `flush` this time.
        while let Err(error) = here.send_bytes_until(&large, Deadline::PASSED) {
            if matches!(error, SendError::Unfinished) {
                here.flush().unwrap();
                break;
            }
        }
        assert_eq!(receiver.join().unwrap(), (2, true));
    });
    assert!(here.flush().is_ok());
}

#[test]
fn a_send_that_is_never_finished_is_truncated() {
    let (here, there) = pipe().unwrap();
    assert!(here.send_bytes_until(&vec![0; LARGE], Deadline::PASSED).is_err());
    drop(here);
    assert!(matches!(there.recv_bytes(LARGE), Err(RecvError::Truncated)));
}

#[test]
fn bad_input_garbage_is_corrupt_for_ever() {
    let (connection, mut stream) = raw();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: inkle\r\n\r\n").unwrap();
    for _ in 0..2 {
        assert!(matches!(connection.recv::<u8>(), Err(RecvError::Corrupt)));
        assert!(matches!(connection.recv_bytes(9), Err(RecvError::Corrupt)));
    }
}

#[test]
fn bad_input_a_huge_length_takes_no_memory() {
    let _watch = watchdog();
    for length in [u64::MAX, u64::MAX / 2, 1 << 60] {
        let (connection, mut stream) = raw();
        let mut header = frame(b"");
        header[8..16].copy_from_slice(&length.to_le_bytes());
        stream.write_all(&header).unwrap();
        let error = connection.recv_bytes(1 << 20).unwrap_err();
        assert!(matches!(error, RecvError::TooLong { limit: 0x10_0000, .. }), "{error}");
        // Without a limit, it is asked for as it comes.
        stream.write_all(&[1; 1000]).unwrap();
        assert!(matches!(connection.try_recv::<u8>(), Err(RecvError::TimedOut)));
        drop(stream);
        assert!(matches!(connection.recv::<u8>(), Err(RecvError::Truncated)));
    }
}

#[test]
fn bad_input_closed_at_each_byte() {
    let _watch = watchdog();
    let whole = frame(b"0123456789");
    for end in 0..=whole.len() {
        let (connection, mut stream) = raw();
        stream.write_all(&whole[..end]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        match connection.recv_bytes(10) {
            Err(RecvError::Closed) => assert_eq!(end, 0),
            Err(RecvError::Truncated) => assert!(end > 0 && end < whole.len()),
            Ok(bytes) => assert_eq!((end, &bytes[..]), (whole.len(), &b"0123456789"[..])),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn bad_input_each_byte_of_the_header_changed() {
    let _watch = watchdog();
    let whole = frame(b"0123456789");
    for at in 0..16 {
        let (connection, mut stream) = raw();
        let mut changed = whole.clone();
        changed[at] ^= 0x40;
        stream.write_all(&changed).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let error = connection.recv_bytes(100).unwrap_err();
        match at {
            0..8 => assert!(matches!(error, RecvError::Corrupt), "{at}: {error}"),
            8 => assert!(matches!(error, RecvError::Truncated), "{at}: {error}"),
            _ => assert!(matches!(error, RecvError::TooLong { .. }), "{at}: {error}"),
        }
    }
}

#[test]
fn bad_input_descriptors_that_were_not_announced() {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use std::io::IoSlice;
    use std::mem::MaybeUninit;

    let with_descriptors = |stream: &UnixStream, bytes: &[u8], count: usize| {
        let fds = vec![stream.as_fd(); count];
        let mut space = [MaybeUninit::uninit(); 2048];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
        sendmsg(stream, &[IoSlice::new(bytes)], &mut control, SendFlags::empty()).unwrap();
    };
    let whole = frame(b"0123456789");
    // With the header, and with the bytes.
    for split in [0, 16] {
        let (connection, mut stream) = raw();
        stream.write_all(&whole[..split]).unwrap();
        with_descriptors(&stream, &whole[split..], 200);
        assert!(matches!(connection.recv_bytes(10), Err(RecvError::Corrupt)));
    }
    // As many as there can be with each byte: only so many are taken.
    let (connection, stream) = raw();
    for byte in &whole[..3] {
        with_descriptors(&stream, &[*byte], 200);
    }
    assert!(matches!(connection.recv_bytes(10), Err(RecvError::Corrupt)));
}

#[test]
fn bad_input_more_handles_than_a_message_takes() {
    let (here, there) = pipe().unwrap();
    let ends: Vec<Connection> = (0..127).flat_map(|_| <[_; 2]>::from(pipe().unwrap())).collect();
    assert!(matches!(here.send(&ends), Err(SendError::TooManyDescriptors(254))));
    here.send(&ends[1..]).unwrap();
    let arrived = there.recv::<Vec<Connection>>().unwrap();
    assert!(arrived.iter().zip(&ends[1..]).all(|(one, other)| are_same(one, other)));
}

#[test]
fn mp026_wait_for_whoever_is_ready() {
    let _watch = watchdog();
    assert_eq!(wait(&[]).unwrap(), [0_usize; 0]);
    let (ours, theirs) = pipe().unwrap();
    let (gone, other) = pipe().unwrap();
    let (receiver, sender) = one_way::<u8>().unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let all: [&dyn AsFd; 4] = [&ours, &gone, &receiver, &socket];
    assert_eq!(try_wait(&all).unwrap(), [0_usize; 0]);
    assert_eq!(wait_timeout(&all, Duration::from_millis(1)).unwrap(), [0_usize; 0]);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| wait(&[&ours, &receiver]).unwrap());
        thread::sleep(SETTLE);
        sender.send(&1).unwrap();
        assert_eq!(waiter.join().unwrap(), [1]);
    });
    // Its other end is closed.
    drop(other);
    theirs.send(&1u8).unwrap();
    assert_eq!(wait_until(&all, after(PATIENCE)).unwrap(), [0, 1, 2]);
    ours.recv::<u8>().unwrap();
    receiver.recv().unwrap();
    let _client = TcpStream::connect(socket.local_addr().unwrap()).unwrap();
    assert_eq!(wait(&all).unwrap(), [1, 3]);
    // The same one twice.
    assert_eq!(wait(&[&gone, &gone]).unwrap(), [0, 1]);
}

#[test]
fn mp024_what_is_too_long_can_be_skipped_however_slowly_it_comes() {
    let _watch = watchdog();
    let (connection, mut stream) = raw();
    connection.skip().unwrap();
    let long = frame(&[1; 500]);
    stream.write_all(&long[..16]).unwrap();
    // The header alone shows it.
    assert!(matches!(
        connection.recv_bytes_until(10, Deadline::PASSED),
        Err(RecvError::TooLong { .. })
    ));
    for bytes in long[16..].chunks(7) {
        assert!(matches!(connection.skip_until(Deadline::PASSED), Err(RecvError::TimedOut)));
        // It is not wanted any more, however long it may be.
        let late = connection.recv_bytes_until(1000, Deadline::PASSED);
        assert!(matches!(late, Err(RecvError::TimedOut)));
        let late = connection.recv_bytes_timeout(1000, Duration::ZERO);
        assert!(matches!(late, Err(RecvError::TimedOut)));
        let late = connection.recv_bytes_into_timeout(&mut [0; 1000], Duration::ZERO);
        assert!(matches!(late, Err(RecvError::TimedOut)));
        assert!(matches!(connection.skip_timeout(Duration::ZERO), Err(RecvError::TimedOut)));
        stream.write_all(bytes).unwrap();
    }
    stream.write_all(&frame(b"short")).unwrap();
    assert_eq!(connection.recv_bytes(10).unwrap(), b"short");
    stream.write_all(&long[..100]).unwrap();
    drop(stream);
    assert!(matches!(connection.recv_bytes(10), Err(RecvError::TooLong { .. })));
    assert!(matches!(connection.skip(), Err(RecvError::Truncated)));
}
