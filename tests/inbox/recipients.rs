//! Who can be notified.

use salver::Recipient;

#[test]
fn spellings_of_one_address_are_one_recipient() {
    let ada = Recipient::email("ada@example.org").unwrap();
    for spelling in ["ADA@example.org", "Ada@EXAMPLE.ORG"] {
        assert_eq!(Recipient::email(spelling).unwrap(), ada);
    }
    let international = Recipient::email("ada@Bücher.example").unwrap();
    assert_eq!(international.address(), Some("ada@xn--bcher-kva.example"));
    assert_eq!(
        international,
        Recipient::email("ada@xn--bcher-kva.example").unwrap()
    );
}

#[test]
fn invalid_address_is_rejected() {
    let long = format!("{}@{}.example", "a".repeat(64), "b".repeat(190));
    for address in [
        "",
        "ada",
        "@",
        "ada@",
        "@example.org",
        "a b@example.org",
        "ada@example.org\n",
        "Ada <ada@example.org>",
        "ada@[127.0.0.1]",
        "ada@127.0.0.1",
        "ada@exa mple.org",
        &long,
    ] {
        let error = Recipient::email(address).unwrap_err();
        assert_eq!(error.field(), Some("address"), "{address:?}");
    }
}

#[test]
fn text_form_is_parsed_again() {
    for recipient in [
        Recipient::user(7),
        Recipient::user("a:b{c}"),
        Recipient::user("email:ada@example.org"),
        Recipient::email("ada@example.org").unwrap(),
    ] {
        assert_eq!(
            recipient.to_string().parse::<Recipient>().unwrap(),
            recipient
        );
        let json = serde_json::to_string(&recipient).unwrap();
        assert_eq!(serde_json::from_str::<Recipient>(&json).unwrap(), recipient);
    }
    for text in [
        "",
        "ada",
        "user:",
        "user: ",
        "user:a\nb",
        "group:1",
        "email:ada",
    ] {
        assert!(
            text.parse::<Recipient>().unwrap_err().is_invalid(),
            "{text:?}"
        );
        assert!(serde_json::from_str::<Recipient>(&format!("{text:?}")).is_err());
    }
}

#[test]
fn user_and_address_are_distinct_recipients() {
    let (user, guest) = (
        Recipient::user("ada@example.org"),
        Recipient::email("ada@example.org").unwrap(),
    );
    assert_ne!(user, guest);
    assert_eq!(
        (user.user_id(), user.address()),
        (Some("ada@example.org"), None)
    );
    assert_eq!(
        (guest.user_id(), guest.address()),
        (None, Some("ada@example.org"))
    );
}

#[test]
fn debug_prints_last_four_characters_only() {
    let text = format!(
        "{:?} {:?}",
        Recipient::user("secret-name-1234"),
        Recipient::user("x")
    );
    assert_eq!(text, "Recipient(..1234) Recipient(..er:x)");
}
