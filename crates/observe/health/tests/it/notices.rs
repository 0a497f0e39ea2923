//! Who is told, over real sockets: a mail server and a receiver of requests, small but honest.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use heliostat_catalog::notice::{NOTICES_MAX, Notice};
use heliostat_catalog::{Actor, Catalog, Ending};
use heliostat_observe_health::notify::{Recipients, Teller, TellerSettings, signature};

use crate::net::{Does, NOW};
use crate::rounds::World;

/// A server that answers each connection in its own way, and passes on what it was given.
fn server(
    mut talk: impl FnMut(TcpStream) -> Option<String> + Send + 'static,
) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Some(got) = talk(stream)
                && send.send(got).is_err()
            {
                break;
            }
        }
    });
    (port, receive)
}

/// Takes letters; refuses those to `refused`.
fn mail_server(refused: &'static str) -> (u16, Receiver<String>) {
    server(move |mut stream| {
        let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
        let (mut letter, mut taken) = (String::new(), false);
        stream.write_all(b"220 mail.example.org ready\r\n").ok()?;
        loop {
            let Some(Ok(line)) = lines.next() else { return taken.then_some(letter) };
            let word = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
            let answer = match word.as_str() {
                "EHLO" => "250-mail.example.org\r\n250 8BITMIME",
                "RCPT" if !refused.is_empty() && line.contains(refused) => "550 no such mailbox",
                "MAIL" | "RCPT" => {
                    letter.push_str(&format!("{line}\n"));
                    "250 fine"
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").ok()?;
                    loop {
                        match lines.next()?.ok()?.as_str() {
                            "." => break,
                            line => letter.push_str(&format!("{line}\n")),
                        }
                    }
                    taken = true;
                    "250 taken"
                }
                "QUIT" => "221 bye",
                _ => "250 fine",
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).ok()?;
        }
    })
}

/// Takes requests, and answers with these statuses one after the other, the last one for good.
fn receiver(statuses: &'static [u16]) -> (u16, Receiver<String>) {
    let mut statuses = statuses.iter().copied();
    let mut last = 200;
    server(move |mut stream| {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            if let Some(told) = line.to_lowercase().strip_prefix("content-length:") {
                length = told.trim().parse().ok()?;
            }
            if line.trim().is_empty() {
                break;
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        last = statuses.next().unwrap_or(last);
        let answer = format!("HTTP/1.1 {last} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).ok()?;
        Some(format!("{head}\n{}", String::from_utf8(body).ok()?))
    })
}

fn teller(recipients: &Recipients, smtp: Option<u16>) -> Teller {
    Teller::new(TellerSettings {
        agent: "test".to_owned(),
        recipients: recipients.clone(),
        secret: Some("key".to_owned()),
        smtp: smtp.map(|port| format!("smtp://127.0.0.1:{port}")),
        mail_from: Some("Mirrors <mirrors@example.org>".to_owned()),
    })
    .expect("a teller")
}

fn waiting(catalog: &mut Catalog) -> u64 {
    catalog.read(|view| view.notice_count()).expect("a count")
}

#[test]
fn a_change_is_told_once_with_its_reason() {
    let (mail, letters) = mail_server("");
    let (hook, requests) = receiver(&[200]);
    let recipients = Recipients {
        webhooks: vec![format!("http://127.0.0.1:{hook}/hook")],
        mailboxes: vec!["operator@example.org".to_owned()],
        contacts: true,
        hosts_max: 5,
    };
    let mut world = World::telling(5, recipients.clone());
    let teller = teller(&recipients, Some(mail));
    world.round();
    assert_eq!(waiting(&mut world.catalog), 0, "nothing has happened");
    world.net.does(2, Does::Says(500, ""));
    world.round();
    world.round();
    assert_eq!(waiting(&mut world.catalog), 3, "one for each who is told, and once");
    let counts = teller.tell(&mut world.catalog, NOW + 1_000).expect("it is told");
    assert_eq!((counts.told, counts.put_off.len(), counts.given_up), (3, 0, 0));
    assert_eq!(waiting(&mut world.catalog), 0);
    let request = requests.recv().expect("a request");
    let (head, body) = request.split_once("\n\n").or(request.split_once("\r\n\n")).expect("a body");
    assert!(head.starts_with("POST /hook "), "{head}");
    let signed = format!("x-heliostat-signature-256: {}", signature(b"key", body.as_bytes()));
    assert!(head.contains(&signed) && head.contains("x-heliostat-delivery: "), "{head}");
    for part in [
        r#""event":"hosts""#,
        r#""host":"mirror2.example""#,
        r#""in_answers":false"#,
        r#""reason":"500 for "#,
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    let mut letters: Vec<String> = (0..2).map(|_| letters.recv().expect("a letter")).collect();
    letters.sort();
    assert!(letters[0].contains("RCPT TO:<admin2@example.org>"), "{}", letters[0]);
    for letter in &letters {
        for part in [
            "MAIL FROM:<mirrors@example.org>",
            "Subject: [Heliostat] mirror2.example is left out",
            "Auto-Submitted: auto-generated",
            "/linux is left out of answers: 500 for ",
        ] {
            assert!(letter.contains(part), "{part}: {letter}");
        }
    }
    // Coming back is told, too.
    world.net.does(2, Does::Right);
    (0..4).for_each(|_| drop(world.round()));
    assert_eq!(waiting(&mut world.catalog), 3);
}

#[test]
fn many_at_once_are_one_message() {
    let (hook, requests) = receiver(&[200]);
    let webhooks = vec![format!("http://127.0.0.1:{hook}/hook")];
    let recipients = Recipients { webhooks, hosts_max: 2, ..Recipients::default() };
    let mut world = World::telling(9, recipients.clone());
    world.round();
    (0..4).for_each(|number| world.net.does(number, Does::Says(500, "")));
    world.round();
    assert_eq!(waiting(&mut world.catalog), 1);
    teller(&recipients, None).tell(&mut world.catalog, NOW + 1_000).expect("it is told");
    let body = requests.recv().expect("a request");
    assert!((0..4).all(|number| body.contains(&format!("mirror{number}.example"))), "{body}");
    // What is of all of them is told once, and once more when it is over.
    (0..9).for_each(|number| world.net.does(number, Does::Dies));
    (0..5).for_each(|_| drop(world.round()));
    assert_eq!(waiting(&mut world.catalog), 1);
    teller(&recipients, None).tell(&mut world.catalog, NOW + 2_000).expect("it is told");
    assert!(requests.recv().expect("a request").contains(r#""event":"network""#));
    (4..9).for_each(|number| world.net.does(number, Does::Right));
    world.round();
    teller(&recipients, None).tell(&mut world.catalog, NOW + 3_000).expect("it is told");
    assert!(requests.recv().expect("a request").contains(r#""failing":false"#));
}

#[test]
fn who_is_away_is_told_later_and_holds_nobody_up() {
    let (hook, requests) = receiver(&[500, 500, 204]);
    let (mail, letters) = mail_server("nobody@");
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("one").port();
    let recipients = Recipients {
        webhooks: vec![format!("http://127.0.0.1:{gone}/"), format!("http://127.0.0.1:{hook}/")],
        mailboxes: vec!["nobody@example.org".to_owned(), "operator@example.org".to_owned()],
        contacts: false,
        hosts_max: 5,
    };
    let mut world = World::telling(4, recipients.clone());
    world.round();
    world.net.does(1, Does::Says(500, ""));
    world.round();
    assert_eq!(waiting(&mut world.catalog), 4);
    let now = NOW + 1_000;
    let teller = teller(&recipients, Some(mail));
    let mut tell = |after_s: u64| {
        let counts = teller.tell(&mut world.catalog, now + after_s).expect("the catalog is there");
        (counts.told, counts.put_off.into_iter().map(|(_, why)| why).collect::<Vec<_>>())
    };
    let (told, why) = tell(0);
    assert_eq!(told, 1, "a mailbox that is none is nobody else's matter");
    assert!(letters.recv().expect("a letter").contains("<operator@example.org>"));
    assert!(why[0].starts_with("no connection: ") && why[1] == "it answered 500", "{why:?}");
    assert!(why[2].contains("no such mailbox"), "{why:?}");
    assert_eq!(tell(9), (0, Vec::new()), "not before ten seconds");
    assert_eq!((tell(10).1.len(), tell(29).1.len(), tell(30).0), (3, 0, 1), "then twenty");
    (0..3).for_each(|_| drop(requests.recv().expect("a request")));
    let tries = (0..40).filter(|hour| !tell(3_600 * (1 + hour)).1.is_empty()).count();
    assert_eq!(tries, 17, "after twenty tries it is enough");
    assert_eq!(waiting(&mut world.catalog), 0);
    // Who is not to be told any more is not told.
    world.net.does(2, Does::Says(500, ""));
    world.round();
    let settings = Recipients { webhooks: Vec::new(), mailboxes: Vec::new(), ..recipients };
    let counts = self::teller(&settings, None).tell(&mut world.catalog, now).expect("it is told");
    assert_eq!((counts.told, waiting(&mut world.catalog)), (0, 0));
}

#[test]
fn what_waits_is_bounded_and_settings_are_checked() {
    let mut world = World::new(1);
    let notice = Notice {
        id: 0,
        at_unix_s: NOW,
        channel: heliostat_catalog::notice::Channel::Webhook,
        recipient: "http://127.0.0.1:1/".to_owned(),
        subject: "a test".to_owned(),
        body: "{}".to_owned(),
        attempts: 0,
        due_unix_s: NOW,
    };
    let actor = Actor { name: "test".to_owned(), now_unix_s: NOW };
    let mut insert = |notices: &[Notice]| {
        world.catalog.write(&actor, Ending::Commit, |txn| txn.notices_insert(notices))
    };
    let many = vec![notice.clone(); NOTICES_MAX as usize + 7];
    assert_eq!(insert(&many).expect("room for most").0, 7);
    assert!(insert(&many[..1]).is_ok_and(|(left_out, _)| left_out == 1));
    let hidden = Notice { subject: "a\u{7}b".to_owned(), ..notice };
    drop(world);
    let mut world = World::new(1);
    let refused = world.catalog.write(&actor, Ending::Commit, |txn| txn.notices_insert(&[hidden]));
    assert!(refused.is_err());
    let wrong = |smtp: Option<&str>, from: Option<&str>, to: &str| {
        let recipients = Recipients { mailboxes: vec![to.to_owned()], ..Recipients::default() };
        let settings = TellerSettings {
            recipients,
            smtp: smtp.map(str::to_owned),
            mail_from: from.map(str::to_owned),
            ..TellerSettings::default()
        };
        Teller::new(settings).map(drop).expect_err("it makes no sense").to_string()
    };
    let (url, from) = (Some("smtp://localhost:25"), Some("mirrors@example.org"));
    assert_eq!(wrong(None, from, "a@example.org"), "mail has no server: set smtp");
    assert_eq!(wrong(url, None, "a@example.org"), "mail has no sender: set mail_from");
    for (smtp, from, to) in [
        (Some("gopher://x"), from, "a@example.org"),
        (url, Some("nobody"), "a@example.org"),
        (url, from, "nobody"),
    ] {
        assert_eq!(wrong(smtp, from, to), "the settings of mail make no sense");
    }
}
