//! Who is let in by a real server, and what the others are told.
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::BASE64URL_NOPAD;
use inkle::concurrent::Submit;
use inkle::remote::{ConnectError, RemoteExecutor, Settings, Worker};
use inkle::subprocess::Command;
use inkle_tests::nats::Server;
use inkle_tests::remote::square;
use inkle_tests::{PATIENCE, watchdog};
use nkeys::KeyPair;

inkle::register!("tests.square", square as fn(u64) -> u64);

/// Both sides come in, and work is done.
fn works(settings: &Settings) {
    let executor = RemoteExecutor::connect(settings).unwrap();
    let _worker = Worker::builder(settings).slots(1).start().unwrap();
    assert_eq!(executor.submit_fn(square, 2).unwrap().join().unwrap(), 4);
}

/// Neither side comes in.
fn refused(settings: &Settings) -> ConnectError {
    let error = RemoteExecutor::connect(settings).unwrap_err();
    let other = Worker::start(settings).unwrap_err();
    assert_eq!(std::mem::discriminant(&error), std::mem::discriminant(&other), "{error} {other}");
    error
}

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("inkle-doors-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What `who` says under `signer`'s name, as the server reads it.
fn signed(signer: &KeyPair, who: &KeyPair, nats: &str, expires: Option<u64>) -> String {
    let expires = expires.map_or(String::new(), |at| format!(r#""exp":{at},"#));
    let claims = format!(
        r#"{{{expires}"jti":"inkle","iat":1,"iss":"{}","name":"inkle","sub":"{}","nats":{nats}}}"#,
        signer.public_key(),
        who.public_key()
    );
    let head = BASE64URL_NOPAD.encode(br#"{"typ":"JWT","alg":"ed25519-nkey"}"#);
    let text = format!("{head}.{}", BASE64URL_NOPAD.encode(claims.as_bytes()));
    let signature = signer.sign(text.as_bytes()).unwrap();
    format!("{text}.{}", BASE64URL_NOPAD.encode(&signature))
}

#[test]
fn a_file_with_credentials_opens_the_door_of_its_account_alone() {
    const ACCOUNT: &str = r#"{"limits":{"subs":-1,"data":-1,"payload":-1,"imports":-1,"exports":-1,
        "wildcards":true,"conn":-1,"leaf":-1},"default_permissions":{"pub":{},"sub":{}},
        "type":"account","version":2}"#;
    const USER: &str =
        r#"{"pub":{},"sub":{},"subs":-1,"data":-1,"payload":-1,"type":"user","version":2}"#;
    let _watch = watchdog();
    let (operator, account, user) =
        (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_user());
    let configuration = format!(
        "operator: {}\nresolver: MEMORY\nresolver_preload: {{ {}: {} }}\n",
        signed(&operator, &operator, r#"{"type":"operator","version":2}"#, None),
        account.public_key(),
        signed(&operator, &account, ACCOUNT, None),
    );
    let Some(server) = Server::with(&configuration, &[]) else { return };
    let folder = Folder::new("credentials");
    let file = |name: &str, token: String, user: &KeyPair| {
        let path = folder.0.join(name);
        let seed = user.seed().unwrap();
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        fs::write(&path, text).unwrap();
        Settings::new(server.url()).connect_timeout(PATIENCE).credentials_file(path)
    };
    works(&file("good", signed(&account, &user, USER, None), &user));

    let stranger = KeyPair::new_account();
    for wrong in [
        file("of another account", signed(&stranger, &user, USER, None), &user),
        file("expired", signed(&account, &user, USER, Some(1)), &user),
        file("another seed", signed(&account, &user, USER, None), &KeyPair::new_user()),
        Settings::new(server.url()).connect_timeout(PATIENCE),
    ] {
        let error = refused(&wrong);
        assert!(matches!(error, ConnectError::Denied(_)), "{error:?}");
    }
    let garbled = folder.0.join("garbled");
    fs::write(&garbled, "warp").unwrap();
    let error = refused(&Settings::new(server.url()).credentials_file(garbled));
    assert!(matches!(error, ConnectError::Settings(_)), "{error:?}");
}

/// Runs it in the folder.
fn openssl(folder: &Path, line: &str) {
    let done = Command::new("openssl").args(line.split(' ')).current_dir(folder);
    let done = done.capture_output().run().unwrap();
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.output.stderr));
}

/// Who vouches for others, as `NAME.crt`.
fn authority(folder: &Path, name: &str) {
    openssl(
        folder,
        &format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} \
             -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
             -keyout {name}.key -out {name}.crt"
        ),
    );
}

/// For whom `authority` vouches, as `NAME.crt` and `NAME.key`.
fn certificate(folder: &Path, authority: &str, name: &str, address: &str, usage: &str) {
    let about = format!("subjectAltName=IP:{address}\nextendedKeyUsage={usage}\n");
    fs::write(folder.join("about"), about).unwrap();
    openssl(
        folder,
        &format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} \
             -keyout {name}.key -out {name}.csr"
        ),
    );
    openssl(
        folder,
        &format!(
            "x509 -req -in {name}.csr -CA {authority}.crt -CAkey {authority}.key -CAcreateserial \
             -days 2 -extfile about -out {name}.crt"
        ),
    );
}

#[test]
fn with_tls_both_sides_have_to_be_vouched_for() {
    let _watch = watchdog();
    if Command::new("openssl").arg("version").capture_output().run().is_err() {
        let required = env::var_os("INKLE_NATS").is_some_and(|value| value == "required");
        assert!(!required, "there is no openssl");
        eprintln!("NOT RUN: there is no openssl");
        return;
    }
    let folder = Folder::new("tls");
    let at = |name: &str| folder.0.join(name);
    authority(&folder.0, "guild");
    authority(&folder.0, "strangers");
    certificate(&folder.0, "guild", "server", "127.0.0.1", "serverAuth");
    certificate(&folder.0, "guild", "elsewhere", "127.0.0.99", "serverAuth");
    certificate(&folder.0, "guild", "weaver", "127.0.0.1", "clientAuth");
    certificate(&folder.0, "strangers", "stranger", "127.0.0.1", "clientAuth");
    let tls = |name: &str, rest: &str| {
        let (certificate, key) = (at(&format!("{name}.crt")), at(&format!("{name}.key")));
        format!("tls {{ cert_file: {certificate:?}, key_file: {key:?}{rest} }}")
    };
    let Some(server) = Server::with(&tls("server", ""), &[]) else { return };
    let settings = |server: &Server| Settings::new(server.url()).connect_timeout(PATIENCE);
    let known =
        |server: &Server| settings(server).root_certificates(at("guild.crt")).require_tls(true);
    works(&known(&server));
    let named = |settings: Settings| {
        let error = refused(&settings);
        assert!(matches!(error, ConnectError::Tls(_)), "{error:?}");
    };
    // Nobody vouches for the server, or the wrong ones do.
    named(settings(&server));
    named(settings(&server).root_certificates(at("strangers.crt")));
    // The certificate is another machine's.
    let Some(elsewhere) = Server::with(&tls("elsewhere", ""), &[]) else { return };
    named(known(&elsewhere));
    // The server has none at all, and it is asked for.
    let Some(open) = Server::with("", &[]) else { return };
    named(known(&open));
    let missing = refused(&settings(&server).root_certificates(at("nobody.crt")));
    assert!(matches!(missing, ConnectError::Tls(_)), "{missing:?}");

    let verify = format!(", verify: true, ca_file: {:?}", at("guild.crt"));
    let Some(closed) = Server::with(&tls("server", &verify), &[]) else { return };
    let with = |name: &str| {
        let (certificate, key) = (at(&format!("{name}.crt")), at(&format!("{name}.key")));
        known(&closed).client_certificate(certificate, key)
    };
    works(&with("weaver"));
    named(with("stranger"));
    named(known(&closed));
}

#[test]
fn tokens_and_nkeys_open_the_door() {
    let _watch = watchdog();
    // A pair that was made for this test.
    const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    const PUBLIC: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
    let nkey = format!("authorization {{ users: [ {{ nkey: {PUBLIC} }} ] }}");
    let Some(server) = Server::with(&nkey, &[]) else { return };
    let settings = Settings::new(server.url()).connect_timeout(PATIENCE);
    assert!(matches!(RemoteExecutor::connect(&settings), Err(ConnectError::Denied(_))));
    RemoteExecutor::connect(&settings.nkey(SEED)).unwrap();

    let Some(server) = Server::with("authorization { token: warp }", &[]) else { return };
    let settings = Settings::new(server.url()).connect_timeout(PATIENCE);
    let wrong = settings.clone().token("weft");
    assert!(matches!(RemoteExecutor::connect(&wrong), Err(ConnectError::Denied(_))));
    RemoteExecutor::connect(&settings.clone().token("warp")).unwrap();
    let missing = settings.credentials_file("/nowhere/loom.creds");
    assert!(matches!(RemoteExecutor::connect(&missing), Err(ConnectError::Settings(_))));
}

#[test]
fn who_may_not_come_in_is_told() {
    let _watch = watchdog();
    let configuration = "authorization { user: weaver, password: warp }";
    let Some(server) = Server::with(configuration, &[]) else { return };
    let settings = || Settings::new(server.url()).connect_timeout(PATIENCE);
    for wrong in [settings(), settings().user("weaver", "weft"), settings().token("warp")] {
        match RemoteExecutor::connect(&wrong) {
            Err(ConnectError::Denied(_)) => {}
            other => panic!("{other:?}"),
        }
        assert!(matches!(Worker::start(&wrong), Err(ConnectError::Denied(_))));
    }
    let good = settings().user("weaver", "warp");
    assert!(!format!("{good:?}").contains("warp"));
    let executor = RemoteExecutor::connect(&good).unwrap();
    let _worker = Worker::builder(&good).slots(1).start().unwrap();
    assert_eq!(executor.submit_fn(square, 2).unwrap().join().unwrap(), 4);
}

#[test]
fn a_password_in_an_address_is_shown_to_nobody() {
    let settings =
        Settings::new("nats://weaver:secret@127.0.0.1:1").server("token-secret@127.0.0.1:1");
    let error = RemoteExecutor::connect(&settings).unwrap_err();
    for text in [format!("{settings:?}"), format!("{error:?}"), error.to_string()] {
        assert!(text.contains("nats://127.0.0.1:1") && !text.contains("secret"), "{text}");
    }
}
