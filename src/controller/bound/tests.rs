//! What a stack may be made from, and what messages may say.

use super::*;
use crate::model::resource::NewResource;

#[test]
fn another_directory_than_its_own_is_refused() {
    let mut stack: Resource = NewResource::new("stack", String::new()).name("blog").into();
    let wanted = |directory: &str| Bound {
        binding: Binding { directory: directory.to_owned(), ..Binding::default() },
        ..Bound::default()
    };
    assert!(check(&stack, &wanted("/a")).is_ok());
    stack.set(DIRECTORY, "/a");
    assert!(check(&stack, &wanted("/a")).is_ok());
    let refused = check(&stack, &wanted("/b")).expect_err("refused");
    assert_eq!(
        (refused.status, refused.to_string().as_str()),
        (409, "stack `blog` is bound to `/a`; unbind it first")
    );
}

#[test]
fn values_are_taken_out_of_messages_the_longer_ones_first() {
    let env =
        b"# a comment of length\nSHORT=abc\nKEY=\"secret\"\nLONG=secret-and-more\nno assignment\n";
    let files = BTreeMap::from([
        (".env".to_owned(), env.to_vec()),
        ("other".to_owned(), b"plain".to_vec()),
    ]);
    let bound = Bound { secrets: secrets(&files), ..Bound::default() };
    let mut message = "abc secret-and-more secret plain no assignment".to_owned();
    bound.conceal(&mut message);
    assert_eq!(message, "abc *** *** plain ***");
}
