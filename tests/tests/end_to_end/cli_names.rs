//! Ids with spaces, titles that are not ASCII, near ones for whoever does not exist, and that every command means the same rows.

use crate::cli::{ITEMS, USERS, run, shop, words};

#[test]
fn ids_with_spaces_and_titles_beyond_ascii_work_everywhere() {
    let blob = shop().path("users.blob");
    for user in USERS {
        for (id, title) in ITEMS {
            let by_id = run(["score", "--blob", &blob, user, id, "--json"]).json();
            assert_eq!((by_id["title"].as_str(), by_id["item"].as_str()), (Some(title), Some(id)));
            let by_title = run(["score", "--blob", &blob, user, &title.to_uppercase(), "--json"]).json();
            assert_eq!(by_title, by_id);
        }
    }
    let text = run(["score", "--blob", &blob, "Ann Lee", "menthe"]).ok();
    assert!(text.contains("for user Ann Lee: Thé à la menthe (2001)"), "{text}");
}

#[test]
fn a_user_or_an_item_that_does_not_exist() {
    let blob = shop().path("users.blob");
    let model = shop().path("model.safetensors");
    run(["score", "--blob", &blob, "Anne Lee", "13"])
        .fails(1, &["no user `Anne Lee` in users.blob", "did you mean `Ann Lee`"]);
    run(["score", "--blob", &blob, "bø", "Star Warz"])
        .fails(1, &["no item `Star Warz`", "did you mean `Star Wars (1977)` (id 13)"]);
    run(["rank", "--blob", &blob, "--model", &model, "--user", "Ann Le"])
        .fails(1, &["no user `Ann Le` in the model", "`Ann Lee`"]);
    run(["rank", "--blob", &blob, "--like", "Alein=5"])
        .fails(1, &["no item `Alein`", "did you mean `Alien (1979)` (id 14)"]);
    run(["emulate", "--blob", &blob, "score", "王", "13"]).fails(1, &["no user `王`", "王芳"]);
    run(["try", &shop().data(), "--user", "An Lee"]).fails(1, &["no user `An Lee` in shop", "`Ann Lee`"]);
    run(["score", "--blob", &blob, "bø", "film"]).fails(1, &["`film` fits 35 items", "say which: `Film 5` (id 105)"]);
}

#[test]
fn a_wrong_like_is_explained() {
    let blob = shop().path("users.blob");
    let rank = |like: &str| run(["rank", "--blob", &blob, "--like", like]);
    rank("Alien").fails(2, &["an item, an equals sign and a rating"]);
    rank("Alien=good").fails(2, &["`good` is not a rating"]);
    rank("Alien=NaN").fails(2, &["`NaN` is not a rating"]);
    run(["rank", "--blob", &blob, "--like", "alien=5", "--like", "14=4"]).fails(1, &["`Alien (1979)` is rated twice"]);
    run(["rank", "--blob", &blob]).fails(2, &["--user", "--like"]);
}

#[test]
fn the_unknown_user_is_0() {
    let zero = run(words("rank --blob {blob} --user 0 --json")).json();
    assert_eq!(zero["user"], serde_json::Value::Null);
    assert_eq!(zero["items"].as_array().unwrap().len(), 10);
}

#[test]
fn a_users_vector_is_the_same_from_the_blob_and_from_the_model() {
    for user in USERS {
        let rank = |blob: &str, model: &[&str]| {
            let blob = shop().path(blob);
            let arguments = ["rank", "--blob", &blob, "--user", user, "--json"];
            run(arguments.iter().chain(model)).json()
        };
        let model = shop().path("model.safetensors");
        assert_eq!(rank("users.blob", &[])["items"], rank("model.blob", &["--model", &model])["items"]);
    }
}

#[test]
fn a_ranking_agrees_with_scores_and_leaves_out_what_was_seen() {
    let blob = shop().path("users.blob");
    let all = run(["rank", "--blob", &blob, "--user", "bø", "--top", "1000", "--json"]).json();
    let all = all["items"].as_array().unwrap();
    assert_eq!(all.len(), 40);
    for pair in all.windows(2) {
        assert!(pair[0]["logit"].as_i64() >= pair[1]["logit"].as_i64());
    }
    for item in all.iter().take(3) {
        let score = run(["score", "--blob", &blob, "bø", item["item"].as_str().unwrap(), "--json"]).json();
        assert_eq!((&score["rating_q16"], &score["logit"]), (&item["rating_q16"], &item["logit"]));
    }

    let data = std::fs::read_to_string(shop().path("shop/ratings.csv")).unwrap();
    let seen: Vec<&str> =
        data.lines().filter(|line| line.starts_with("bø,")).map(|line| line.split(',').nth(1).unwrap()).collect();
    let fresh = run([
        "rank",
        "--blob",
        &blob,
        "--user",
        "bø",
        "--top",
        "1000",
        "--exclude-seen",
        "--data",
        &shop().data(),
        "--json",
    ])
    .json();
    let expected: Vec<_> =
        all.iter().map(|item| &item["item"]).filter(|item| !seen.contains(&item.as_str().unwrap())).collect();
    let fresh: Vec<_> = fresh["items"].as_array().unwrap().iter().map(|item| &item["item"]).collect();
    assert_eq!(fresh, expected);
}

#[test]
fn somebody_new_is_ranked_and_the_list_says_how() {
    let text = run(words("rank --blob {users} --like 13=5 --like 14=1")).ok();
    assert!(text.contains("mean of the 20 users nearest"), "{text}");
    assert!(text.contains("Ranked by predicted rating"), "{text}");
    assert!(!text.contains("(1977)  13") && !text.contains("(1979)  14"), "what was named is not recommended: {text}");
}

/// Names come from files that somebody else wrote: nothing of them may reach a terminal as a command to it.
#[test]
fn control_characters_in_names_are_shown_and_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let title = "A\u{1b}[2J\u{7}B\u{9b}5mC\u{7f}";
    std::fs::write(path("users.csv"), "id,a\nann\u{1b}]0;x\u{7},1\nbo,2\n").unwrap();
    std::fs::write(path("items.csv"), "id,a\nx,1\ny,2\n").unwrap();
    std::fs::write(path("ids.csv"), format!("kind,id,title\nitem,x,{title}\nitem,y,{title}2\n")).unwrap();
    let (model, blob) = (path("m.safetensors"), path("m.blob"));
    let factors = ["--user-factors", &path("users.csv"), "--item-factors", &path("items.csv")];
    run(["import", "--ids", &path("ids.csv"), "--out", &model].iter().chain(&factors)).ok();
    run(["quantize", &model, "--out", &blob, "--users", "all"]).ok();
    let is_clean = |text: &str| !text.contains(|c: char| c.is_control() && c != '\n');
    let user = "ann\u{1b}]0;x\u{7}";
    for call in [&["rank", "--user", user][..], &["score", user, "x"], &["score", "nobody", "x"], &["score", user, "A"]]
    {
        for json in [&[][..], &["--json"]] {
            let ran = run(call.iter().chain(&["--blob", &blob]).chain(json));
            assert!(is_clean(&ran.stdout) && is_clean(&ran.stderr), "{call:?}: {ran:?}");
        }
    }
    let shown = run(["score", "--blob", &blob, user, "x"]).ok();
    assert!(shown.contains(r"A\u{1b}[2J\u{7}B\u{9b}5mC\u{7f}"), "{shown}");
    let json = run(["rank", "--blob", &blob, "--user", user, "--json"]).json();
    let titles: Vec<_> = json["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap()).collect();
    assert!(titles.contains(&title), "JSON loses nothing: {titles:?}");
}
