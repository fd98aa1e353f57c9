//! What programs read and write as text: `inkle::subprocess::Encoding`. (SP024, SP025)
#![cfg(target_os = "linux")]

use inkle::subprocess::{Command, Encoding, Errors, Output};

use Encoding::{Ascii, Latin1, Utf8, Utf16, Utf16Be, Utf16Le};
use Errors::{Escape, Ignore, Replace, Strict};

const ALL: [Encoding; 6] = [Utf8, Ascii, Latin1, Utf16, Utf16Le, Utf16Be];

/// What a program makes of it that gives back what it is given.
fn through(bytes: Vec<u8>) -> Output {
    Command::new("cat").input(bytes).capture_output().run().unwrap().output
}

#[test]
fn sp024_what_is_encoded_comes_back() {
    let texts = [
        (&ALL[..], "plain text"),
        (&[Utf8, Latin1, Utf16, Utf16Le, Utf16Be], "\u{80}naïve ÿ"),
        (&[Utf8, Utf16, Utf16Le, Utf16Be], "€ \u{ffff} 🦀 \u{10ffff}"),
        (&ALL, ""),
    ];
    for (encodings, text) in texts {
        for encoding in encodings {
            let bytes = encoding.encode(text, Strict).unwrap();
            let output = through(bytes);
            assert_eq!(output.stdout_in(*encoding, Strict).unwrap(), text, "{encoding}");
        }
    }
    assert_eq!(Utf16Be.encode("a€", Strict).unwrap(), b"\0a\x20\xac");
    assert_eq!(Utf16Le.encode("🦀", Strict).unwrap(), b"\x3e\xd8\x80\xdd");
    // The mark tells the order, and is no text; where none is expected it is.
    assert_eq!(Utf16.decode(b"\xfe\xff\0a", Strict).unwrap(), "a");
    assert_eq!(Utf16.decode(b"\xff\xfea\0", Strict).unwrap(), "a");
    assert_eq!(Utf16Be.decode(b"\xfe\xff\0a", Strict).unwrap(), "\u{feff}a");
    let marked = Utf16.encode("a", Strict).unwrap();
    assert!(marked == b"\xff\xfea\0" || marked == b"\xfe\xff\0a");
}

/// By `bytes.decode(encoding, errors)` of Python 3.
#[test]
fn sp024_bytes_that_are_no_text() {
    let cases: [(Encoding, &[u8], usize, [&str; 3]); 8] = [
        (Ascii, b"a\xe9b", 1, ["a\u{fffd}b", "ab", "a\\xe9b"]),
        (Utf8, b"a\xe9b", 1, ["a\u{fffd}b", "ab", "a\\xe9b"]),
        // Cut in the middle of a character; what one cannot begin with.
        (Utf8, b"a\xe2\x82", 1, ["a\u{fffd}", "a", "a\\xe2\\x82"]),
        (Utf8, b"\x80\xffz", 0, ["\u{fffd}\u{fffd}z", "z", "\\x80\\xffz"]),
        (Utf16Le, b"a\0b", 2, ["a\u{fffd}", "a", "a\\x62"]),
        // The first half of a pair, the second one.
        (Utf16Le, b"\x3e\xd8a\0", 0, ["\u{fffd}a", "a", "\\x3e\\xd8a"]),
        (Utf16Be, b"\0a\xdd\x80\0b", 2, ["a\u{fffd}b", "ab", "a\\xdd\\x80b"]),
        (Utf16, b"\xff\xfea\0\x80\xddb\0", 4, ["a\u{fffd}b", "ab", "a\\x80\\xddb"]),
    ];
    for (encoding, bytes, position, texts) in cases {
        assert_eq!(encoding.decode(bytes, Strict).unwrap_err().position(), position, "{bytes:?}");
        for (errors, text) in [Replace, Ignore, Escape].into_iter().zip(texts) {
            assert_eq!(encoding.decode(bytes, errors).unwrap(), text, "{encoding} {errors:?}");
        }
    }
    // Every byte is a character.
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(Latin1.decode(&all, Strict).unwrap().chars().count(), 256);
}

/// By `text.encode(encoding, errors)` of Python 3.
#[test]
fn sp024_text_that_has_no_bytes() {
    let text = "aé€🦀z";
    let error = Latin1.encode(text, Strict).unwrap_err();
    assert_eq!(error.position(), 3);
    assert_eq!(error.to_string(), "the character '€' at 3 is not in Latin-1");
    assert_eq!(Ascii.encode(text, Strict).unwrap_err().position(), 1);
    assert_eq!(Ascii.encode(text, Replace).unwrap(), b"a???z");
    assert_eq!(Ascii.encode(text, Ignore).unwrap(), b"az");
    assert_eq!(Ascii.encode(text, Escape).unwrap(), b"a\\xe9\\u20ac\\U0001f980z");
    assert_eq!(Latin1.encode(text, Replace).unwrap(), b"a\xe9??z");
}

#[test]
fn sp025_ends_of_lines_are_one_in_any_encoding() {
    for encoding in ALL {
        let bytes = encoding.encode("a\r\nb\rc\n\r\r\n", Strict).unwrap();
        let output = through(bytes.clone());
        assert_eq!(output.stdout_in(encoding, Strict).unwrap(), "a\nb\nc\n\n\n", "{encoding}");
        assert_eq!(encoding.decode(&bytes, Strict).unwrap(), "a\r\nb\rc\n\r\r\n");
    }
    let done = Command::shell(r"printf 'a\r\n\344' >&2").capture_output().run().unwrap();
    assert_eq!(done.output.stderr_in(Latin1, Strict).unwrap(), "a\nä");
    // A bad byte is an error when it is decoded, and nothing is lost.
    assert!(done.output.stderr_in(Utf8, Strict).is_err());
    assert_eq!(done.output.stderr, b"a\r\n\xe4");
}

#[test]
fn sp024_names() {
    for (name, encoding) in [
        ("utf-8", Utf8),
        ("UTF8", Utf8),
        ("latin-1", Latin1),
        ("ISO-8859-1", Latin1),
        ("us-ascii", Ascii),
        ("utf_16_le", Utf16Le),
        ("UTF-16BE", Utf16Be),
        ("utf16", Utf16),
    ] {
        assert_eq!(name.parse(), Ok(encoding));
        assert_eq!(encoding.to_string().parse(), Ok(encoding));
    }
    let error = "koi8-r".parse::<Encoding>().unwrap_err();
    assert_eq!(error.to_string(), "there is no encoding \"koi8-r\"");
}
