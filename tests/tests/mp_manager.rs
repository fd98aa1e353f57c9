//! `inkle::multiprocessing`: servers with objects and proxies for them, by spec id; what dies and what is hostile.
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use inkle::multiprocessing::{
    Address, AuthKey, CallError, Client, ConnectError, Connection, DictProxy, Listener, Manager,
    Process, ProcessError, Proxy, SendError, Server, StartError, authkey, pipe, proxy,
};
use inkle::threading::Event;
use inkle_tests::{eventually, watchdog};

fn server() -> (Server, Manager) {
    let server = Server::bind(Address::unique().unwrap()).unwrap();
    let manager = Manager::connect(server.address());
    (server, manager)
}

/// Hosts an account as "slow"; what lets its waits go on, and whether there is one.
fn host_slow(server: &Server) -> (Arc<Event>, impl Fn() -> bool + use<>) {
    let (go, calls) = (Arc::new(Event::new()), Arc::new(AtomicU32::new(0)));
    let account = Account { go: Arc::clone(&go), calls: Arc::clone(&calls), ..Account::default() };
    server.host("slow", account);
    (go, move || calls.load(Relaxed) > 0)
}

/// A type of a program's own.
#[derive(Default)]
struct Account {
    balance: i64,
    go: Arc<Event>,
    calls: Arc<AtomicU32>,
    sent: Option<Connection>,
}

impl Account {
    fn add(&mut self, amount: i64) -> Result<i64, String> {
        self.calls.fetch_add(1, Relaxed);
        // Not at once: two calls at the same time would lose one.
        let before = self.balance;
        thread::yield_now();
        let after = before + amount;
        if after < 0 {
            return Err(format!("{after} is below zero"));
        }
        self.balance = after;
        Ok(after)
    }

    fn balance(&self) -> i64 {
        self.balance
    }

    fn fail(&mut self, message: String) {
        self.balance += 1;
        panic!("{message}");
    }

    fn wait(&self) {
        self.calls.fetch_add(1, Relaxed);
        self.go.wait();
    }

    fn take(&mut self, connection: Connection) {
        self.sent = Some(connection);
    }

    fn give(&mut self) -> Option<Connection> {
        self.sent.take()
    }

    fn unsendable(&self) -> Unsendable {
        Unsendable
    }
}

struct Unsendable;

impl inkle::multiprocessing::__serde::Serialize for Unsendable {
    fn serialize<S: inkle::multiprocessing::__serde::Serializer>(
        &self,
        _: S,
    ) -> Result<S::Ok, S::Error> {
        Err(inkle::multiprocessing::__serde::ser::Error::custom("out of yarn"))
    }
}

impl<'de> inkle::multiprocessing::__serde::Deserialize<'de> for Unsendable {
    fn deserialize<D: inkle::multiprocessing::__serde::Deserializer<'de>>(
        _: D,
    ) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

proxy! {
    struct AccountProxy for Account {
        fn add(amount: i64) -> Result<i64, String>;
        fn balance() -> i64;
        fn fail(message: String);
        fn wait();
        fn take(connection: Connection);
        fn give() -> Option<Connection>;
        fn unsendable() -> Unsendable;
    }
}

#[test]
fn mp054_mp059_dict() {
    let _watch = watchdog();
    let (server, manager) = server();
    let dict = manager.dict::<(u32, String), Vec<u8>>().unwrap();
    let key = |n: u32| (n, n.to_string());
    assert!(dict.is_empty().unwrap());
    assert_eq!(dict.insert(&key(1), &vec![1]).unwrap(), None);
    dict.update([(&key(2), &vec![2]), (&key(3), &vec![])]).unwrap();
    assert_eq!(dict.get(&key(2)).unwrap(), Some(vec![2]));
    assert_eq!(dict.get(&key(4)).unwrap(), None);
    assert!(dict.contains_key(&key(3)).unwrap() && !dict.contains_key(&key(4)).unwrap());
    assert_eq!(dict.get_or_insert(&key(1), &vec![9]).unwrap(), [1]);
    let keys = dict.keys().unwrap().into_iter().collect::<BTreeSet<_>>();
    assert_eq!(keys, (1..4).map(key).collect());
    assert_eq!(dict.values().unwrap().concat().len(), 2);
    assert_eq!(dict.items().unwrap().len(), 3);
    assert_eq!(dict.remove(&key(3)).unwrap(), Some(vec![]));
    dict.clear().unwrap();
    assert_eq!(dict.len().unwrap(), 0);
    assert_eq!(server.len(), 1);
}

#[test]
fn mp054_mp059_list() {
    let _watch = watchdog();
    let (_server, manager) = server();
    let list = manager.list::<String>().unwrap();
    let text = |text: &str| text.to_owned();
    list.extend(&[text("b"), text("c")]).unwrap();
    list.insert(0, &text("a")).unwrap();
    list.insert(u64::MAX, &text("e")).unwrap();
    list.push(&text("f")).unwrap();
    assert_eq!(list.set(3, &text("d")).unwrap(), Some(text("e")));
    assert_eq!(list.set(9, &text("x")).unwrap(), None);
    assert_eq!(list.copy().unwrap().concat(), "abcdf");
    assert_eq!((list.index(&text("d")).unwrap(), list.index(&text("x")).unwrap()), (Some(3), None));
    list.reverse().unwrap();
    assert_eq!((list.pop().unwrap(), list.remove(0).unwrap()), (Some(text("a")), Some(text("f"))));
    assert_eq!((list.get(0).unwrap(), list.get(3).unwrap()), (Some(text("d")), None));
    assert_eq!(list.remove(3).unwrap(), None);
    list.clear().unwrap();
    assert_eq!((list.pop().unwrap(), list.len().unwrap()), (None, 0));
}

#[test]
fn mp054_set_namespace_and_value() {
    let _watch = watchdog();
    let (_server, manager) = server();
    let set = manager.set::<Option<i8>>().unwrap();
    set.extend(&[None, Some(-1), None]).unwrap();
    assert!(!set.insert(&None).unwrap() && set.insert(&Some(2)).unwrap());
    assert!(set.remove(&Some(-1)).unwrap() && !set.remove(&Some(-1)).unwrap());
    assert_eq!(set.copy().unwrap().into_iter().collect::<BTreeSet<_>>(), [None, Some(2)].into());

    let names = manager.namespace().unwrap();
    names.set("a", &1u64).unwrap();
    names.set("b", "text").unwrap();
    assert_eq!(names.get::<String>("b").unwrap().as_deref(), Some("text"));
    assert!(matches!(names.get::<(String, u8)>("b"), Err(CallError::Decode(_))));
    assert!(names.remove("a").unwrap() && !names.remove("a").unwrap());
    assert_eq!(names.names().unwrap(), ["b"]);

    let value = manager.value(&1.5f64).unwrap();
    value.set(&2.5).unwrap();
    assert_eq!((value.replace(&3.5).unwrap(), value.get().unwrap()), (2.5, 3.5));
    assert!(!value.compare_exchange(&1.0, &0.0).unwrap());
}

#[test]
fn mp055_types_of_ones_own_are_registered_or_hosted() {
    let _watch = watchdog();
    let (server, manager) = server();
    server.register("Account", |(balance,): (i64,)| Account { balance, ..Account::default() });
    let account = manager.create::<Account>("Account", &(5i64,)).unwrap();
    assert_eq!(account.add(2).unwrap(), Ok(7));
    let other = manager.create::<Account>("Account", &(1i64,)).unwrap();
    assert_eq!((other.balance().unwrap(), account.balance().unwrap()), (1, 7));
    assert_ne!(account, other);
    assert!(matches!(manager.create::<Account>("Acount", &(5i64,)), Err(CallError::NoType(_))));
    let wrong = manager.create::<Account>("Account", &("five", 5));
    assert!(matches!(wrong, Err(CallError::Arguments(_))));

    server.host("main", Account::default());
    let (one, same) =
        (manager.find::<Account>("main").unwrap(), manager.find::<Account>("main").unwrap());
    assert_eq!(one, same);
    assert!(matches!(manager.find::<Account>("none"), Err(CallError::NoObject)));
    server.host("main", Account { balance: 9, ..Account::default() });
    assert_eq!(manager.find::<Account>("main").unwrap().balance().unwrap(), 9);
    assert_eq!(one.balance().unwrap(), 0, "the first is still there");
    manager.remove(&one).unwrap();
    assert!(matches!(one.balance(), Err(CallError::NoObject)));
    assert!(matches!(manager.remove(&one), Err(CallError::NoObject)));
    let last = manager.find::<Account>("main").unwrap();
    manager.remove(&last).unwrap();
    assert!(matches!(manager.find::<Account>("main"), Err(CallError::NoObject)));
    assert_eq!(server.len(), 2);
}

#[test]
fn mp056_errors_are_values_and_a_panic_fails_one_call() {
    let _watch = watchdog();
    let (server, manager) = server();
    server.host("account", Account::default());
    let account = manager.find::<Account>("account").unwrap();
    assert_eq!(account.add(-1).unwrap(), Err("-1 is below zero".to_owned()));
    let CallError::Panicked(message) = account.fail("torn".to_owned()).unwrap_err() else {
        panic!()
    };
    assert_eq!(message, "torn");
    assert_eq!(account.balance().unwrap(), 1, "as the method left it");
    assert!(matches!(account.unsendable(), Err(CallError::Reply(_))));
    let bare: &Proxy = account.as_ref();
    assert!(matches!(bare.call::<()>("rob", &()), Err(CallError::NoMethod(_))));
    assert!(matches!(bare.call::<i64>("balance", &(1u8,)), Err(CallError::Arguments(_))));
    assert!(matches!(bare.call::<String>("balance", &()), Err(CallError::Decode(_))));
    // A maker that panics.
    server.register("torn", |(): ()| -> Account { panic!("no yarn") });
    assert!(matches!(manager.create::<Account>("torn", &()), Err(CallError::Panicked(_))));
    assert_eq!(account.balance().unwrap(), 1);
}

#[test]
fn mp056_handles_are_arguments_and_results() {
    let _watch = watchdog();
    let (server, manager) = server();
    server.host("account", Account::default());
    let account = manager.find::<Account>("account").unwrap();
    let (ours, theirs) = pipe().unwrap();
    account.take(theirs).unwrap();
    account.give().unwrap().unwrap().send(&1).unwrap();
    assert_eq!(ours.recv::<i32>().unwrap(), 1);
    assert!(account.give().unwrap().is_none());

    // Over TCP they are not, in either direction; the call fails, the connection goes on.
    let tcp = Server::bind(Address::loopback()).unwrap();
    let (_ours, theirs) = pipe().unwrap();
    let sent = Some(theirs);
    tcp.host("account", Account { sent, ..Account::default() });
    let account = Manager::connect(tcp.address()).find::<Account>("account").unwrap();
    let (_ours, theirs) = pipe().unwrap();
    assert!(matches!(account.take(theirs), Err(CallError::Send(SendError::Handles))));
    assert!(matches!(account.give(), Err(CallError::Reply(_))));
    assert_eq!(account.balance().unwrap(), 0);
}

#[test]
fn mp057_proxies_travel_and_can_be_in_each_other() {
    let _watch = watchdog();
    let (_server, manager) = server();
    let inner = manager.dict::<String, u32>().unwrap();
    let outer = manager.list::<DictProxy<String, u32>>().unwrap();
    outer.push(&inner).unwrap();
    outer.get(0).unwrap().unwrap().insert("x", &1).unwrap();
    assert_eq!(inner.get("x").unwrap(), Some(1));
    assert_eq!(outer.index(&inner).unwrap(), Some(0));
    // What is no proxy is a copy.
    let copies = manager.list::<Vec<u8>>().unwrap();
    copies.push(&vec![]).unwrap();
    copies.get(0).unwrap().unwrap().push(1);
    assert_eq!(copies.get(0).unwrap(), Some(vec![]));

    let (here, there) = pipe().unwrap();
    here.send(&inner).unwrap();
    let arrived = there.recv::<DictProxy<String, u32>>().unwrap();
    assert_eq!(arrived, inner);
    assert_eq!(arrived.len().unwrap(), 1);
}

#[test]
fn mp058_threads_share_a_proxy_and_calls_are_atomic() {
    let _watch = watchdog();
    const THREADS: i64 = 8;
    const EACH: i64 = 50;
    let (server, manager) = server();
    let calls = Arc::new(AtomicU32::new(0));
    server.host("account", Account { calls: Arc::clone(&calls), ..Account::default() });
    let account = manager.find::<Account>("account").unwrap();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..EACH).for_each(|_| assert!(account.add(1).unwrap().is_ok())));
        }
    });
    assert_eq!(account.balance().unwrap(), THREADS * EACH);
    assert_eq!(i64::from(calls.load(Relaxed)), THREADS * EACH);
}

#[test]
fn mp058_a_call_that_waits_keeps_no_other_object_waiting() {
    let _watch = watchdog();
    let (server, manager) = server();
    let (go, waits) = host_slow(&server);
    server.host("fast", Account::default());
    let slow = manager.find::<Account>("slow").unwrap();
    let fast = manager.find::<Account>("fast").unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| slow.wait());
        eventually(&waits);
        assert_eq!(fast.balance().unwrap(), 0);
        // Who waits too long for an answer gets an error, and later answers are not taken for another's.
        let late = slow.as_ref().clone().timeout(Duration::from_millis(20));
        let late = late.call::<i64>("balance", &()).unwrap_err();
        let is_late =
            matches!(late, CallError::TimedOut | CallError::Connect(ConnectError::TimedOut));
        assert!(is_late, "{late}");
        go.set();
        waiting.join().unwrap().unwrap();
        assert_eq!(slow.balance().unwrap(), 0);
    });
}

#[test]
fn a_server_that_is_gone_is_an_error_and_no_hang() {
    let _watch = watchdog();
    let (server, manager) = server();
    let (go, waits) = host_slow(&server);
    let slow = manager.find::<Account>("slow").unwrap();
    manager.ping().unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| slow.wait());
        eventually(&waits);
        // In the middle of a call, which the server does not wait for for ever.
        assert!(server.shutdown_timeout(Duration::from_millis(20)).is_err());
        assert!(matches!(waiting.join().unwrap(), Err(CallError::ServerGone)));
        assert!(matches!(slow.balance(), Err(CallError::Connect(_))));
        assert!(matches!(manager.ping(), Err(CallError::Connect(_))));
        go.set();
        server.shutdown();
    });
    drop(server);
    assert!(matches!(manager.dict::<u8, u8>(), Err(CallError::Connect(_))));
}

#[test]
fn mp055_shutdown_lets_running_calls_end() {
    let _watch = watchdog();
    let (server, manager) = server();
    let (go, waits) = host_slow(&server);
    let slow = manager.find::<Account>("slow").unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| slow.wait());
        eventually(&waits);
        let stopping = scope.spawn(|| server.shutdown());
        eventually(|| manager.ping().is_err());
        go.set();
        waiting.join().unwrap().unwrap();
        stopping.join().unwrap();
    });
    server.shutdown();
}

#[test]
fn another_server_at_the_same_address_has_none_of_the_objects() {
    let _watch = watchdog();
    let (server, manager) = server();
    let address = server.address().clone();
    let list = manager.list::<u8>().unwrap();
    list.push(&1).unwrap();
    drop(server);
    let _server = Server::bind(address).unwrap();
    assert!(matches!(list.len(), Err(CallError::NoObject)));
    assert_eq!(manager.list::<u8>().unwrap().len().unwrap(), 0);
}

#[test]
fn bad_input_without_the_key_nothing_is_called() {
    let _watch = watchdog();
    let listener = Listener::bind_with(Address::loopback(), AuthKey::new("ours").unwrap()).unwrap();
    let server = Server::start(listener).unwrap();
    for stranger in [
        Manager::connect(server.address()),
        Manager::connect_with(server.address(), AuthKey::new("a guess").unwrap()),
    ] {
        let error = stranger.ping().unwrap_err();
        assert!(matches!(error, CallError::Connect(ConnectError::Authentication)), "{error}");
    }
    let friend = Manager::connect_with(server.address(), AuthKey::new("ours").unwrap());
    friend.set::<u8>().unwrap().insert(&1).unwrap();
    assert_eq!(server.len(), 1);
}

#[test]
fn bad_input_from_somebody_who_has_the_key() {
    let _watch = watchdog();
    let listener = Listener::bind(Address::unique().unwrap()).unwrap().limit(10_000);
    let server = Server::start(listener).unwrap();
    let manager = Manager::connect(server.address());
    let list = manager.list::<Vec<u8>>().unwrap();
    assert!(matches!(list.push(&vec![1; 20_000]), Err(CallError::TooLong(_))));
    list.push(&vec![1; 5_000]).unwrap();
    // No request at all: an answer that says so.
    let client = Client::new(server.address()).connect().unwrap();
    let numbers = [0u64, 1, u64::MAX];
    for garbage in [&b""[..], b"\0", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\0\xff"]
    {
        client.send_bytes(garbage).unwrap();
        assert!(client.recv::<(bool, u8, String)>().unwrap().0);
    }
    for number in numbers {
        for method in ["", "create", "remove", "find", "value", "ping", "push"] {
            // Too much, and too little.
            client.send(&(number, method, u64::MAX, u64::MAX, 1u8)).unwrap();
            assert!(client.recv_bytes(1000).unwrap()[0] == 1, "{number} {method}");
        }
    }
    // A list that says it is very long.
    let number = 0u8;
    client.send_bytes(&[&[number, 6][..], b"create", &[0xff; 9], &[1]].concat()).unwrap();
    assert!(client.recv::<(bool, u8, String)>().unwrap().0);
    drop(client);
    // Cut in the middle of a request, by one of many.
    for _ in 0..20 {
        let client = Client::new(server.address()).connect().unwrap();
        let large = vec![0; 4 << 20];
        let _ = client.send_bytes_until(&large, inkle::platform::Deadline::PASSED);
    }
    assert_eq!(list.len().unwrap(), 1);
}

#[test]
fn many_clients() {
    let _watch = watchdog();
    const CLIENTS: u64 = 30;
    let server = Server::bind(Address::loopback()).unwrap();
    let address = server.address().clone();
    let sums = Manager::connect(&address).list::<u64>().unwrap();
    thread::scope(|scope| {
        for n in 0..CLIENTS {
            let (address, sums) = (&address, &sums);
            scope.spawn(move || {
                let manager = Manager::connect(address);
                let own = manager.value(&n).unwrap();
                sums.push(&own.get().unwrap()).unwrap();
                manager.remove(&own).unwrap();
            });
        }
    });
    let mut sums = sums.copy().unwrap();
    sums.sort_unstable();
    assert!(sums.into_iter().eq(0..CLIENTS));
    assert_eq!(server.len(), 1);
}

/// Hosts an account with this balance in a manager's process.
fn setup(server: &Server, balance: i64) {
    server.host("account", Account { balance, ..Account::default() });
    server.register("Account", |(balance,): (i64,)| Account { balance, ..Account::default() });
}

/// Its own words under what it was given, from yet another process.
fn count(words: DictProxy<String, u32>, account: AccountProxy, amount: i64) -> i64 {
    words.insert(&amount.to_string(), &std::process::id()).unwrap();
    account.add(amount).unwrap().unwrap()
}

#[test]
fn mp054_mp055_a_manager_in_a_process_of_its_own() {
    let _watch = watchdog();
    let manager = Manager::start_with(setup, 100).unwrap();
    let process = manager.process().unwrap().clone();
    assert!(process.is_alive() && process.pid() != std::process::id());
    let account = manager.find::<Account>("account").unwrap();
    let other = manager.create::<Account>("Account", &(5i64,)).unwrap();
    let words = manager.dict::<String, u32>().unwrap();
    // Its proxies work in processes that have the key from their parent. (MP010)
    let children: Vec<_> = [1i64, 20]
        .map(|n| Process::spawn(count, (words.clone(), account.clone(), n)).unwrap())
        .into();
    let pids: BTreeSet<_> = children.iter().map(|child| child.pid()).collect();
    let sums: Vec<_> = children.iter().map(|child| child.join().unwrap()).collect();
    assert_eq!(*sums.iter().max().unwrap(), 121, "{sums:?}");
    assert_eq!((account.balance().unwrap(), other.balance().unwrap()), (121, 5));
    assert_eq!(words.values().unwrap().into_iter().collect::<BTreeSet<_>>(), pids);
    // As long as there is a proxy here.
    drop((manager, words, other));
    assert_eq!(account.balance().unwrap(), 121);
    drop(account);
    assert!(process.wait().success());
}

#[test]
fn mp010_a_child_has_the_key_of_its_parent() {
    let _watch = watchdog();
    let key = authkey().unwrap();
    let child = Process::spawn(|| authkey().unwrap().as_bytes().to_vec(), ()).unwrap();
    assert_eq!(child.join().unwrap(), key.as_bytes());
}

#[test]
fn mp055_shutdown_waits_and_then_kills() {
    let _watch = watchdog();
    let manager = Manager::start_with(setup, 0).unwrap();
    let account = manager.find::<Account>("account").unwrap();
    account.add(1).unwrap().unwrap();
    manager.shutdown().unwrap();
    assert!(manager.process().unwrap().wait().success());
    assert!(account.balance().is_err() && manager.ping().is_err());
    manager.shutdown().unwrap();

    let manager = Manager::start_with(setup, 0).unwrap();
    let account = manager.find::<Account>("account").unwrap();
    let other = account.clone();
    let waiting = thread::spawn(move || other.wait());
    // It is in the call when others have to wait for the object.
    let patient = account.clone();
    let patient = AccountProxy::from(patient.as_ref().clone().timeout(Duration::from_millis(20)));
    eventually(|| matches!(patient.balance(), Err(CallError::TimedOut)));
    assert!(manager.shutdown_timeout(Duration::from_millis(20)).is_err());
    assert!(matches!(waiting.join().unwrap(), Err(CallError::ServerGone)));
    assert!(!manager.process().unwrap().wait().success());
}

#[test]
fn a_manager_that_is_killed() {
    let _watch = watchdog();
    let manager = Manager::start().unwrap();
    let list = manager.list::<u8>().unwrap();
    list.push(&1).unwrap();
    manager.process().unwrap().kill().unwrap();
    manager.process().unwrap().wait();
    assert!(matches!(list.len(), Err(CallError::ServerGone | CallError::Connect(_))));
    assert!(matches!(list.len(), Err(CallError::Connect(_))));
}

#[test]
fn bad_input_a_setup_that_fails() {
    let _watch = watchdog();
    let error = Manager::start_with(|_: &Server, why: String| panic!("{why}"), "no".to_owned());
    let Err(StartError::Process(ProcessError::Panicked(panic))) = error else {
        panic!("{error:?}");
    };
    assert_eq!(panic.message.as_deref(), Some("no"));
    let error = Manager::start_with(|_: &Server, ()| std::process::exit(7), ());
    assert!(matches!(error, Err(StartError::Process(ProcessError::Exited(7)))), "{error:?}");
}
