import Testing

@testable import Configuration

@Suite("Addresses of Redis")
struct RedisAddressTests {
  static let forms = "redis://127.0.0.1:6379/0 or unix:/run/redis/redis.sock would be right"
  static let port =
    "has something else than a port from 1 to 65535 behind the host; \(forms)"
  static let escape =
    "has a broken %-escape in its user or password; %40 stands for @, %25 for %"
  static let longest = "/" + String(repeating: "x", count: 106)

  @Test(
    "right ones",
    arguments: [
      "redis://h", "redis://h/", "redis://h/15", "redis://h:1", "redis://h:65535/0",
      "redis://10.0.0.1:6379/0", "redis://[::1]", "redis://[fe80::1%eth0]:6379/2", "redis://u@h",
      "redis://:p@h", "redis://u:p%40q@h:6379/1", "redis://u:p@q@h", "unix:/r", "unix:///r",
      "redis+unix:///run/redis/redis.sock", "unix:\(longest)", "rediss://h",
      "rediss://u:p@h:6380/1",
    ])
  func right(_ url: String) {
    #expect(RedisAddressCheck.fault(url) == nil)
    let text = Documents.least + "sinks: [{ type: redis, url: \"\(url)\" }]\n"
    #expect(Documents.load(text).settings?.sinks.first?.url == url)
  }

  @Test(
    "wrong ones, word by word",
    arguments: [
      ("h", "names no Redis; \(forms)"), ("redisss://h", "names no Redis; \(forms)"),
      ("REDIS://h", "names no Redis; \(forms)"), ("redis:h", "names no Redis; \(forms)"),
      ("redis://", "names no host; \(forms)"), ("redis:///0", "names no host; \(forms)"),
      ("rediss://:6380", "names no host; \(forms)"), ("rediss://h:0", port),
      ("redis://:6379", "names no host; \(forms)"), ("redis://u:p@", "names no host; \(forms)"),
      ("redis://[]:1", "names no host; \(forms)"),
      ("redis://h:0", port), ("redis://h:65536", port), ("redis://h:", port),
      ("redis://h:x", port), ("redis://u:hunter2", port),
      ("redis://h/zz", "names a database by something else than its number; \(forms)"),
      ("redis://h/-1", "names a database by something else than its number; \(forms)"),
      ("redis://u:%4@h", escape), ("redis://u:%zz@h", escape), ("redis://%ff@h", escape),
      ("unix:r", "names no socket by its whole path; \(forms)"),
      ("unix:/", "names no socket by its whole path; \(forms)"),
      ("unix://host", "names no socket by its whole path; \(forms)"),
      ("redis+unix:///", "names no socket by its whole path; \(forms)"),
      ("unix:\(longest)x", "has a path of 108 bytes; a socket's path has at most 107"),
    ])
  func wrong(_ url: String, _ says: String) {
    let text = Documents.least + "sinks: [{ type: redis, url: \"\(url)\" }]\n"
    #expect(Documents.problems(text) == ["t.yaml:5: sinks[0].url: \(says)"])
  }
}
