//! Whole sets: files in, a checked [`Dataset`] or a message out.

use std::fs;

use tempfile::TempDir;

use super::*;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn load(folder: &TempDir, file: &str, fold: Option<&str>) -> Result<Dataset, DataError> {
    let options = LoadOptions { fold: fold.map(str::to_owned), ..LoadOptions::default() };
    Dataset::load(folder.path().join(file).to_str().unwrap(), &options)
}

fn csv(content: &str) -> Result<Dataset, DataError> {
    load(&folder(&[("r.csv", content)]), "r.csv", None)
}

fn small_100k() -> TempDir {
    folder(&[
        ("u.data", "10\t2\t3\t5\n9\t1\t4\t6\n9\t2\t1\t7\n11\t3\t5\t8\n"),
        ("u1.base", "9\t1\t4\t6\n10\t2\t3\t5\n"),
        ("u1.test", "9\t2\t1\t7\n11\t3\t5\t8\n"),
        ("u.item", "1|One|\n2|Two|\n3|Three|\n4|Unrated|\n"),
    ])
}

#[test]
fn indices_follow_sorted_ids_and_not_the_order_of_lines() {
    let data = csv("user,item,rating\nb,10,3\n2,9,4\n10,x,2\n").unwrap();
    assert_eq!(data.users, ["2", "10", "b"]);
    assert_eq!(data.items, ["9", "10", "x"]);
    let pairs: Vec<_> = data.ratings.iter().map(|r| (r.user, r.item)).collect();
    assert_eq!(pairs, [(3, 2), (1, 1), (2, 3)]);
    assert_eq!((data.user_id(3), data.user_id(0), data.user_id(4)), (Some("b"), None, None));
    assert_eq!((data.title(3), data.titles.len()), (Some("x"), 0));
    assert!(!data.synthetic && !data.has_times && data.test.is_none());
    assert_eq!(data.name, "r");
}

#[test]
fn a_fold_keeps_the_vocabulary_of_the_whole_set() {
    let data = load(&small_100k(), "", Some("u1")).unwrap();
    assert_eq!(data.users, ["9", "10", "11"]);
    assert_eq!(data.items, ["1", "2", "3"]);
    assert_eq!(data.titles, ["One", "Two", "Three"]);
    let values = |part: &[Rating]| part.iter().map(|r| r.value).collect::<Vec<_>>();
    assert_eq!(values(&data.ratings), [4.0, 3.0]);
    assert_eq!(values(data.test.as_deref().unwrap()), [1.0, 5.0]);
    assert_eq!((data.scale.min, data.scale.max), (3.0, 4.0));

    let counts = data.counts(&data.ratings);
    assert_eq!(counts.users, [0, 1, 1, 0]);
    assert_eq!([1, 2, 3, 4].map(|user| counts.known_user(user)), [1, 2, 0, 0]);
    assert_eq!([0, 1, 3].map(|item| counts.known_item(item)), [0, 1, 0]);
}

#[test]
fn without_a_fold_everything_is_for_training() {
    let folder = small_100k();
    let data = load(&folder, "u.data", None).unwrap();
    assert_eq!((data.ratings.len(), data.test), (4, None));
    assert_eq!(data.titles, ["One", "Two", "Three"]);
    assert!(data.has_times);
}

#[test]
fn items_without_a_title_show_their_id() {
    let folder = folder(&[
        ("ratings.csv", "userId,movieId,rating\n1,7,3\n2,8,4\n"),
        ("movies.csv", "movieId,title\n7,\"Cité, La\"\n"),
    ]);
    assert_eq!(load(&folder, "", None).unwrap().titles, ["Cité, La", "8"]);
}

#[test]
fn duplicates_name_both_lines() {
    let message = csv("user,item,rating\n1,a,3\n2,a,4\n1,b,4\n2,a,5\n1,a,3\n").unwrap_err().to_string();
    assert!(message.contains("r.csv`, line 5: user `2` has already rated item `a` on line 3 of"), "{message}");
    // The middle one of three counts as the first of the last.
    let message = csv("1,a,3\n1,b,2\n2,b,1\n1,a,3\n1,a,5\n").unwrap_err().to_string();
    assert!(message.contains("line 4: user `1` has already rated item `a` on line 1 of"), "{message}");
}

#[test]
fn a_pair_in_both_parts_of_a_fold_is_a_duplicate() {
    let folder = small_100k();
    fs::write(folder.path().join("u1.test"), "11\t3\t5\t8\n10\t2\t3\t5\n").unwrap();
    let message = load(&folder, "", Some("u1")).unwrap_err().to_string();
    assert!(message.contains("u1.test`, line 2: user `10` has already rated item `2` on line 2 of"), "{message}");
    assert!(message.contains("u1.base`"), "{message}");
}

#[test]
fn duplicates_are_those_that_a_set_finds() {
    let mut random = random::SplitMix64::new(5);
    let mut found = 0;
    for _ in 0..200 {
        let ratings: Vec<Rating> = (0..12)
            .map(|_| Rating { user: 1 + random.below(8) as u32, item: 1 + random.below(9) as u32, ..Rating::default() })
            .collect();
        let naive = (0..ratings.len()).find_map(|second| {
            let same = |&first: &usize| {
                (ratings[first].user, ratings[first].item) == (ratings[second].user, ratings[second].item)
            };
            (0..second).rev().find(same).map(|first| (first, second))
        });
        let rows: Vec<&Rating> = ratings.iter().collect();
        assert_eq!(find_duplicate(&rows, 8, 9), naive);
        found += u32::from(naive.is_some());
    }
    assert!((50..150).contains(&found), "{found}");
}

#[test]
fn one_user_or_one_item_is_too_few() {
    let message = csv("1,a,3\n1,b,4\n").unwrap_err().to_string();
    assert!(message.contains("every rating is by the same user, `1`"), "{message}");
    let message = csv("1,a,3\n2,a,4\n").unwrap_err().to_string();
    assert!(message.contains("every rating is of the same item, `a`"), "{message}");
}

#[test]
fn ratings_outside_a_range_are_named() {
    let data = csv("user,item,rating\n1,a,3\n\n2,b,4.5\n").unwrap();
    assert!(data.check_range(3.0, 4.5).is_ok());
    let message = data.check_range(0.0, 4.0).unwrap_err().to_string();
    assert!(message.contains("r.csv`, line 4: the rating 4.5 lies outside the range 0..4;"), "{message}");

    let fold = load(&small_100k(), "", Some("u1")).unwrap();
    let message = fold.check_range(2.0, 6.0).unwrap_err().to_string();
    assert!(message.contains("u1.test`, line 1: the rating 1"), "{message}");
}

#[test]
fn missing_and_empty_files() {
    let folder = folder(&[("empty.csv", "")]);
    let error = load(&folder, "none.csv", None).unwrap_err();
    assert!(error.to_string().contains("none.csv` does not exist"), "{error}");
    assert_eq!(error.exit_code(), 1);
    let error = load(&folder, "empty.csv", None).unwrap_err();
    assert!(error.to_string().contains("empty.csv` holds no rating"), "{error}");
}

#[test]
fn the_demo_has_no_folds() {
    let options = LoadOptions { fold: Some("u1".into()), ..LoadOptions::default() };
    let error = Dataset::load("demo", &options).unwrap_err();
    assert_eq!(error.to_string(), "`demo` has no fold `u1`; the demo data has no predefined folds; use --split");
    let data = Dataset::load("demo", &LoadOptions::default()).unwrap();
    assert!(data.synthetic);
    assert!(data.check().is_ok());
}

#[test]
fn plays_of_the_same_item_are_added_up() {
    let data = csv("user,item,timestamp\na,x,10\nb,x,11\na,y,12\na,x,40\n").unwrap();
    assert!(data.implicit && data.has_times);
    let rows: Vec<_> = data.ratings.iter().map(|r| (r.user, r.item, r.value, r.time, r.line)).collect();
    assert_eq!(rows, [(1, 1, 2.0, 40, 2), (2, 1, 1.0, 11, 3), (1, 2, 1.0, 12, 4)]);
    let counted = csv("user,item,plays\na,x,3\nb,y,1\na,x,2\n").unwrap();
    assert_eq!(counted.ratings.iter().map(|r| r.value).collect::<Vec<_>>(), [5.0, 1.0]);
    let bare = csv("1,2\n1,3\n2,3\n").unwrap();
    assert!(bare.implicit && bare.ratings.iter().all(|r| r.value == 1.0));
    assert!(!csv("a,x,3\nb,y,4\n").unwrap().implicit);
}
