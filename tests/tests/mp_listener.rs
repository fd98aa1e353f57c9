//! `inkle::multiprocessing`: listeners and clients that show each other the key, by spec id; hostile strangers.
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use inkle::multiprocessing::{
    AcceptError, Address, AuthKey, Client, ConnectError, Connection, Listener, RecvError, pipe,
    wait,
};
use inkle::platform::{Deadline, after};
use inkle_tests::{PATIENCE, watchdog};

/// Bytes of the three messages of a handshake.
const HELLO: usize = 40;
const ANSWER: usize = 64;
const VERDICT: usize = 33;

fn key(text: &str) -> AuthKey {
    AuthKey::new(text).unwrap()
}

fn path() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("inkle-listener-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
    std::env::temp_dir().join(name)
}

fn tcp_address(listener: &Listener) -> SocketAddr {
    let Address::Tcp(address) = listener.address() else { panic!() };
    *address
}

/// A stranger, before any handshake.
fn knock(listener: &Listener) -> UnixStream {
    let Address::Abstract(name) = listener.address() else { panic!() };
    UnixStream::connect_addr(&UnixAddr::from_abstract_name(name).unwrap()).unwrap()
}

fn unique(text: &str) -> Listener {
    Listener::bind_with(Address::unique().unwrap(), key(text)).unwrap()
}

/// Both ends of a connection.
fn meet(listener: &Listener, client: &Client) -> (Connection, Connection) {
    thread::scope(|scope| {
        let client = scope.spawn(|| client.connect().unwrap());
        (listener.accept().unwrap(), client.join().unwrap())
    })
}

#[test]
fn mp027_every_family() {
    let _watch = watchdog();
    let path = path();
    for address in [Address::unix(&path), Address::unique().unwrap(), Address::loopback()] {
        let listener = Listener::bind(&address).unwrap();
        let (here, there) = meet(&listener, &Client::new(listener.address()));
        here.send("hello").unwrap();
        assert_eq!(there.recv::<String>().unwrap(), "hello");
        there.send(&vec![1u8; 1000]).unwrap();
        assert_eq!(here.recv::<Vec<u8>>().unwrap(), vec![1; 1000]);
        assert_eq!(listener.last_accepted().is_some(), matches!(address, Address::Tcp(_)));
        drop(there);
        assert!(matches!(here.recv::<()>(), Err(RecvError::Closed)));
        // The address as a value that travels.
        let (ours, theirs) = pipe().unwrap();
        ours.send(listener.address()).unwrap();
        assert_eq!(theirs.recv::<Address>().unwrap(), *listener.address());
    }
    assert!(!path.exists());
}

#[test]
fn mp027_handles_travel_over_unix_sockets() {
    let _watch = watchdog();
    let listener = unique("k");
    let (here, there) = meet(&listener, &Client::new(listener.address()).key(key("k")));
    let (ours, theirs) = pipe().unwrap();
    here.send(&theirs).unwrap();
    there.recv::<Connection>().unwrap().send(&1).unwrap();
    assert_eq!(ours.recv::<i32>().unwrap(), 1);
}

#[test]
fn mp027_an_address_in_use_and_one_that_is_left() {
    let path = path();
    let listener = Listener::bind(Address::unix(&path)).unwrap();
    let error = Listener::bind(Address::unix(&path)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(path.exists(), "the one that failed removes nothing");
    assert!(Listener::bind(listener.address()).is_err());
    // Somebody else's by now.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "other").unwrap();
    drop(listener);
    assert!(path.exists());
    fs::remove_file(&path).unwrap();

    let too_long = Address::unix("/tmp/".to_owned() + &"x".repeat(200));
    assert_eq!(Listener::bind(&too_long).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(matches!(Client::new(&too_long).connect(), Err(ConnectError::Os(_))));
    let name = Address::Abstract(vec![b'x'; 200]);
    assert!(Listener::bind(&name).is_err());
    assert!(matches!(Client::new(name).connect(), Err(ConnectError::Os(_))));
}

#[test]
fn mp027_deadlines() {
    let _watch = watchdog();
    let listener = unique("k");
    assert!(matches!(listener.try_accept(), Err(AcceptError::TimedOut)));
    let soon = Duration::from_millis(1);
    assert!(matches!(listener.accept_timeout(soon), Err(AcceptError::TimedOut)));
    let client = Client::new(listener.address()).key(key("k"));
    assert!(matches!(client.connect_until(Deadline::PASSED), Err(ConnectError::TimedOut)));
    // It is let in by the system, and nobody accepts.
    let some = Duration::from_millis(50);
    assert!(matches!(client.connect_timeout(some), Err(ConnectError::TimedOut)));
    // The one that gave up is not accepted.
    assert!(matches!(listener.try_accept(), Err(AcceptError::TimedOut)));
    let tcp = Listener::bind_with(Address::loopback(), key("k")).unwrap();
    let client = Client::new(tcp.address()).key(key("k"));
    assert!(matches!(client.connect_timeout(some), Err(ConnectError::TimedOut)));
}

#[test]
fn mp027_a_client_that_nobody_lets_in_gives_up() {
    let _watch = watchdog();
    let path = path();
    let listener = UnixListener::bind(&path).unwrap();
    // The queue of the system is filled, where it has a bound that a test can reach.
    rustix::net::listen(&listener, 0).unwrap();
    let client = Client::new(Address::unix(&path)).key(key("k"));
    for _ in 0..3 {
        let error = client.connect_timeout(Duration::from_millis(50)).unwrap_err();
        assert!(matches!(error, ConnectError::TimedOut), "{error}");
    }
    fs::remove_file(&path).unwrap();
}

#[test]
fn mp027_polled_accepts_get_there() {
    let _watch = watchdog();
    let listener = unique("k");
    let client = Client::new(listener.address()).key(key("k"));
    thread::scope(|scope| {
        let client = scope.spawn(|| client.connect().unwrap());
        let accepted = loop {
            match listener.try_accept() {
                Ok(connection) => break connection,
                Err(AcceptError::TimedOut) => thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        };
        accepted.send(&1u8).unwrap();
        assert_eq!(client.join().unwrap().recv::<u8>().unwrap(), 1);
    });
}

#[test]
fn mp026_a_listener_is_waited_for() {
    let _watch = watchdog();
    let listener = unique("k");
    let (ours, _theirs) = pipe().unwrap();
    let _stranger = knock(&listener);
    assert_eq!(wait(&[&ours, &listener]).unwrap(), [1]);
}

#[test]
fn mp028_another_key_is_an_error_on_both_sides() {
    let _watch = watchdog();
    for address in [Address::unique().unwrap(), Address::loopback()] {
        let listener = Listener::bind_with(&address, key("ours")).unwrap();
        for theirs in ["theirs", "our", "ours "] {
            let client = Client::new(listener.address()).key(key(theirs));
            thread::scope(|scope| {
                let client = scope.spawn(|| client.connect().unwrap_err());
                assert!(matches!(listener.accept(), Err(AcceptError::Authentication)));
                let error = client.join().unwrap();
                assert!(matches!(error, ConnectError::Authentication), "{error}");
            });
        }
        // And the next one is accepted.
        meet(&listener, &Client::new(listener.address()).key(key("ours")));
    }
}

#[test]
fn mp028_the_key_of_this_process_is_the_one_without_another() {
    let _watch = watchdog();
    let listener = Listener::bind(Address::unique().unwrap()).unwrap();
    let key = inkle::multiprocessing::authkey().unwrap();
    meet(&listener, &Client::new(listener.address()).key(key));
}

#[test]
fn mp028_many_clients_at_once() {
    let _watch = watchdog();
    const CLIENTS: u32 = 40;
    let listener = Listener::bind_with(Address::loopback(), key("k")).unwrap();
    thread::scope(|scope| {
        let client = Client::new(listener.address()).key(key("k"));
        let wrong = Client::new(listener.address()).key(key("wrong"));
        for n in 0..CLIENTS {
            let (client, wrong) = (client.clone(), wrong.clone());
            scope.spawn(move || {
                if n % 4 == 0 {
                    assert!(matches!(wrong.connect(), Err(ConnectError::Authentication)));
                }
                let connection = client.connect().unwrap();
                connection.send(&n).unwrap();
                assert_eq!(connection.recv::<u32>().unwrap(), n + 1);
            });
        }
        // Two threads accept.
        let accepting = || {
            let mut refused = 0;
            let mut sum = 0;
            for _ in 0..CLIENTS / 2 {
                let connection = loop {
                    match listener.accept() {
                        Ok(connection) => break connection,
                        Err(AcceptError::Authentication) => refused += 1,
                        Err(error) => panic!("{error}"),
                    }
                };
                let n = connection.recv::<u32>().unwrap();
                connection.send(&(n + 1)).unwrap();
                sum += n;
            }
            (refused, sum)
        };
        let other = scope.spawn(accepting);
        let (one, other) = (accepting(), other.join().unwrap());
        assert_eq!((one.0 + other.0, one.1 + other.1), (10, CLIENTS * (CLIENTS - 1) / 2));
    });
}

#[test]
fn bad_input_silent_strangers_keep_nobody_waiting() {
    let _watch = watchdog();
    let listener = unique("k").patience(PATIENCE);
    // More than are kept: the first of them are hung up on.
    let mut strangers: Vec<_> = (0..20).map(|_| knock(&listener)).collect();
    for (n, stranger) in strangers.iter_mut().enumerate() {
        stranger.write_all(&[0; ANSWER][..n]).unwrap();
    }
    let client = Client::new(listener.address()).key(key("k"));
    meet(&listener, &client);
    strangers.extend((0..130).map(|_| {
        let stranger = knock(&listener);
        assert!(matches!(listener.try_accept(), Err(AcceptError::TimedOut)));
        stranger
    }));
    meet(&listener, &client);
    let mut hello = [0; HELLO];
    strangers[0].read_exact(&mut hello).unwrap();
    assert_eq!(strangers[0].read(&mut hello).unwrap_or(0), 0, "the first has made room");
}

#[test]
fn bad_input_a_silent_stranger_is_hung_up_on() {
    let _watch = watchdog();
    let listener = unique("k").patience(Duration::from_millis(20));
    let mut stranger = knock(&listener);
    thread::scope(|scope| {
        let accepting = scope.spawn(|| listener.accept());
        // A greeting, and then the end.
        let mut heard = Vec::new();
        stranger.read_to_end(&mut heard).unwrap();
        assert_eq!(heard.len(), HELLO);
        let client = Client::new(listener.address()).key(key("k"));
        // On a slow machine this one may be late as well.
        while let Err(error) = client.connect() {
            assert!(matches!(error, ConnectError::Closed), "{error}");
        }
        assert!(accepting.join().unwrap().is_ok());
    });
}

#[test]
fn bad_input_answers_cut_at_each_byte() {
    let _watch = watchdog();
    let listener = unique("k");
    for end in 0..ANSWER {
        let mut stranger = knock(&listener);
        stranger.write_all(&[7; ANSWER][..end]).unwrap();
        stranger.shutdown(Shutdown::Write).unwrap();
        assert!(matches!(listener.try_accept(), Err(AcceptError::TimedOut)));
        let mut heard = Vec::new();
        // With what it has not read it hangs up by a reset.
        let _ = stranger.read_to_end(&mut heard);
        assert!(heard.len() <= HELLO);
    }
    // A whole one that is wrong, and more behind it.
    for more in [0, 1, 10_000] {
        let mut stranger = knock(&listener);
        stranger.write_all(&vec![7; ANSWER + more]).unwrap();
        assert!(matches!(listener.accept(), Err(AcceptError::Authentication)));
        let mut heard = Vec::new();
        let _ = stranger.read_to_end(&mut heard);
        assert!(heard.len() <= HELLO + VERDICT);
        assert!(heard[HELLO..].iter().all(|byte| *byte == 0), "no code for a stranger");
    }
}

#[test]
fn bad_input_a_recorded_handshake_is_of_no_use() {
    let _watch = watchdog();
    let listener = unique("k");
    let path = path();
    // Somebody in between, who writes down what the client says.
    let between = UnixListener::bind(&path).unwrap();
    let recorded = thread::scope(|scope| {
        let client = Client::new(Address::unix(&path)).key(key("k"));
        let client = scope.spawn(move || client.connect());
        let (mut near, _) = between.accept().unwrap();
        let mut far = knock(&listener);
        let accepted = scope.spawn(|| listener.accept().unwrap());
        let (mut hello, mut answer, mut verdict) = ([0; HELLO], [0; ANSWER], [0; VERDICT]);
        far.read_exact(&mut hello).unwrap();
        near.write_all(&hello).unwrap();
        near.read_exact(&mut answer).unwrap();
        far.write_all(&answer).unwrap();
        far.read_exact(&mut verdict).unwrap();
        near.write_all(&verdict).unwrap();
        client.join().unwrap().unwrap();
        accepted.join().unwrap();
        (answer, verdict)
    });
    let mut replay = knock(&listener);
    replay.write_all(&recorded.0).unwrap();
    assert!(matches!(listener.accept(), Err(AcceptError::Authentication)));
    // The listener's part, to a client.
    thread::scope(|scope| {
        let client = Client::new(Address::unix(&path)).key(key("k"));
        let client = scope.spawn(move || client.connect());
        let (mut near, _) = between.accept().unwrap();
        near.write_all(b"inkle 1\n").unwrap();
        near.write_all(&[9; 32]).unwrap();
        near.write_all(&recorded.1).unwrap();
        assert!(matches!(client.join().unwrap(), Err(ConnectError::Authentication)));
    });
    fs::remove_file(&path).unwrap();
}

#[test]
fn bad_input_what_is_no_listener() {
    let _watch = watchdog();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::new(server.local_addr().unwrap()).key(key("k"));
    let says = |bytes: &[u8]| {
        thread::scope(|scope| {
            let client = scope.spawn(|| client.connect_until(after(PATIENCE)).unwrap_err());
            let (mut stream, _) = server.accept().unwrap();
            stream.write_all(bytes).unwrap();
            // It may have heard enough, and left.
            let _ = stream.shutdown(Shutdown::Write);
            client.join().unwrap()
        })
    };
    assert!(matches!(says(b""), ConnectError::Closed));
    assert!(matches!(says(b"inkle 1\n"), ConnectError::Closed));
    assert!(matches!(says(&[b'x'; 1000]), ConnectError::NoListener));
    let mut hello = b"inkle 1\n".to_vec();
    hello.resize(HELLO, 1);
    for more in 0..VERDICT {
        let cut = [&hello[..], &[1; VERDICT][..more]].concat();
        assert!(matches!(says(&cut), ConnectError::Closed));
    }
    assert!(matches!(says(&[&hello[..], &[1; VERDICT]].concat()), ConnectError::Authentication));
    let address = server.local_addr().unwrap();
    drop(server);
    let ConnectError::Os(error) = Client::new(address).connect().unwrap_err() else { panic!() };
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn bad_input_a_program_with_the_key_has_its_limit() {
    let _watch = watchdog();
    let listener = Listener::bind_with(Address::loopback(), key("k")).unwrap().limit(1000);
    let (here, there) = meet(&listener, &Client::new(listener.address()).key(key("k")));
    there.send(&vec![0u8; 2000]).unwrap();
    let error = here.recv::<Vec<u8>>().unwrap_err();
    assert!(matches!(error, RecvError::TooLong { limit: 1000, .. }), "{error}");
    assert!(TcpStream::connect(tcp_address(&listener)).is_ok(), "it still listens");
}
