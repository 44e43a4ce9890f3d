//! Log lines: the last ones, new ones, and very many of them.

use serde_json::json;

use super::place::{Place, dial, rest, text};

#[actix_web::test]
async fn lines_arrive_as_they_are_written() {
    let place = Place::start().await;
    let web = place.container("web", json!({})).await;
    place.time.advance(20_000);
    let input = json!({"timestamps": false, "lines": 2});
    let mut socket = dial(&place.access(&web, "logs", input).await).await;
    assert_eq!(text(&mut socket).await.expect("a line"), "01 request 1 answered in 10 ms");
    assert_eq!(text(&mut socket).await.expect("a line"), "01 request 2 answered in 17 ms");
    place.time.advance(10_000);
    assert_eq!(text(&mut socket).await.expect("a line"), "01 request 3 answered in 24 ms");

    place.owner.post(&format!("/containers/{web}?action=stop"), json!({})).await.ok(202);
    assert_eq!(rest(&mut socket).await, (vec![], Some(1000)), "it stopped");
    place.stop().await;
}

#[actix_web::test]
async fn streams_and_times_are_told_apart() {
    let place = Place::start().await;
    let command = json!(["sh", "-c", "echo out; echo err >&2; sleep infinity"]);
    let loud = place.container("loud", json!({"command": command})).await;
    let input = json!({"timestamps": false, "follow": false});
    let mut socket = dial(&place.access(&loud, "logs", input).await).await;
    let expect = (vec!["01 out".to_owned(), "02 err".to_owned()], Some(1000));
    assert_eq!(rest(&mut socket).await, expect);

    let input = json!({"follow": false, "lines": 1});
    let mut socket = dial(&place.access(&loud, "logs", input).await).await;
    let (lines, _) = rest(&mut socket).await;
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let (time, text) = line.strip_prefix("02 ").and_then(|l| l.split_once(' ')).expect("a time");
    assert_eq!((time.len(), text), ("2017-04-01T12:00:00.000000000Z".len(), "err"));

    let bad = format!("/containers/{loud}?action=logs");
    let answer = place.owner.post(&bad, json!({"since": "yesterday"})).await;
    assert!(answer.fault().starts_with("422 InvalidFormat since"), "{}", answer.text);
    place.stop().await;
}

#[actix_web::test]
async fn a_reader_that_pauses_misses_nothing_and_costs_little() {
    let place = Place::start().await;
    let web = place.container("web", json!({})).await;
    // About fifteen megabytes: more than all buffers between here and there.
    let lines: usize = 180_000;
    place.time.advance(lines as u64 * 10_000);
    let input = json!({"lines": lines, "follow": false});
    let mut socket = dial(&place.access(&web, "logs", input).await).await;
    let number = |line: String| -> usize {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!((words[0], words[2]), ("01", "request"), "{line}");
        words[3].parse().expect("a number")
    };
    for expect in 1..=10 {
        assert_eq!(number(text(&mut socket).await.expect("a line")), expect);
    }
    // The server has time for others while this reader does not read.
    place.holds_back(1_000).await;
    place.owner.get("/containers").await.ok(200);
    let (read, code) = rest(&mut socket).await;
    assert_eq!(code, Some(1000));
    assert!(read.into_iter().map(number).eq(11..=lines));
    place.stop().await;
}
