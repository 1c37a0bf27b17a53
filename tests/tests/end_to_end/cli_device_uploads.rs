//! `matchstick device upload` where the device answers from a script: signatures, and flash that fails.

use std::path::Path;

use matchstick::link::{Failure, Reply, Request, Upload};
use matchstick_tests::scripted_device::{info, serve};

use crate::cli::{run, shop};
use crate::cli_device::{device, read};

#[test]
fn devices_that_want_signatures_get_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let made = run(["keygen", "--out", &path("maker.key"), "--json"]).json();
    let key = read(&path("maker.key"));
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----\n") && made["public_key"].as_str().map(str::len) == Some(64));
    let secret = key.lines().nth(1).unwrap();
    run(["keygen", "--out", &path("maker.key")]).fails(1, &["maker.key", "is there already", "another name"]);
    assert_eq!(read(&path("maker.key")), key);
    let shown = run(["keygen", "--out", &path("other.key")]).ok();
    assert!(shown.contains("public key") && !shown.contains(secret), "{shown}");

    let model = shop().path("model.safetensors");
    let sign = |out: &str, key: &str| run(["quantize", &model, "--out", &path(out), "--sign", &path(key)]);
    assert!(sign("signed.blob", "maker.key").ok().contains("signed.blob.sig"));
    sign("x.blob", "maker.key.pub").fails(1, &["maker.key.pub", "is a public key", "secret one"]);
    sign("x.blob", "none.key").fails(1, &["none.key", "matchstick keygen"]);
    sign("x.blob", "signed.blob").fails(1, &["signed.blob", "is no secret key"]);
    assert!(!Path::new(&path("x.blob")).exists());
    let signature = std::fs::read(path("signed.blob.sig")).unwrap();
    let expected = signature.clone();
    assert_eq!(signature.len(), 64);

    // The device takes the commit only with that signature.
    let mut features = info();
    features.features |= 1 << 3;
    let port = serve(move |request| match request {
        Request::Info => Reply::Info(features),
        Request::UploadBegin(begin) => {
            let (length, crc32) = (begin.length, begin.crc32);
            Reply::Upload(Upload { length, crc32, offset: 0, chunk_bytes: 256, write_bytes: 16 })
        }
        Request::UploadChunk { offset, bytes } => Reply::Accepted { next: offset + bytes.len() as u32 },
        Request::UploadCommit { signature } if *signature == expected => Reply::Done,
        _ => Reply::Failed(Failure::WrongSignature),
    });
    device(&port, &format!("upload {}", path("signed.blob"))).ok();
    let unsigned = shop().path("model.blob");
    device(&port, &format!("upload {unsigned}")).fails(1, &["takes signed models only", "--sign maker.key"]);
    let with = format!("upload {unsigned} --signature {}", path("signed.blob.sig"));
    device(&port, &with).ok();
    device(&port, &format!("upload {unsigned} --signature {unsigned}")).fails(1, &["is no signature", "64 bytes"]);
    std::fs::write(path("signed.blob.sig"), [7; 64]).unwrap();
    device(&port, &format!("upload {}", path("signed.blob"))).fails(1, &["signature isn't by the firmware's key"]);
    let text = run(["quantize", &model, "--out", &path("signed.blob")]).ok();
    assert!(text.contains("signed.blob.sig is of another blob"), "{text}");
}

/// After a power cut a sector may be half written: the device drops the upload, and takes it from its beginning. Flash that fails again has failed.
#[test]
fn an_upload_whose_flash_failed_once_begins_anew() {
    for (failures, committed) in [(1, true), (2, false)] {
        let (mut left, mut begun) = (failures, 0);
        let port = serve(move |request| match request {
            Request::Info => Reply::Info(info()),
            Request::UploadBegin(begin) => {
                begun += 1;
                let (length, crc32) = (begin.length, begin.crc32);
                Reply::Upload(Upload {
                    length,
                    crc32,
                    offset: if begun == 1 { 1024 } else { 0 },
                    chunk_bytes: 256,
                    write_bytes: 16,
                })
            }
            Request::UploadChunk { offset, .. } if left > 0 && *offset >= 1024 => {
                left -= 1;
                Reply::Failed(Failure::SlotFailed)
            }
            Request::UploadChunk { offset, bytes } => Reply::Accepted { next: offset + bytes.len() as u32 },
            Request::UploadCommit { .. } => Reply::Done,
            _ => Reply::Failed(Failure::NoUpload),
        });
        let ran = device(&port, "upload {owner} --json");
        if committed {
            assert_eq!(ran.json()["interruptions"], 1);
        } else {
            ran.fails(1, &["refuses to", "flash"]);
        }
    }
}
