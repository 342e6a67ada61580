/// Why a field of a log may be other than Zeek's. Each reason is a condition on this very line: one that does
/// not hold explains nothing.
struct ZeekReasons {
  let log: String
  /// By the names of columns that both logs have.
  let expected: [String: String]
  let found: [String: String]

  /// The reason for one field.
  func reason(_ field: String) -> String? {
    let (a, b) = (expected[field] ?? "-", found[field] ?? "-")
    switch log {
    case "http": return http(field, a, b)
    case "files": return files(field, a, b)
    case "ssh" where field == "host_key_fingerprint" && a.count > 32 && b.hasPrefix(a):
      return "Zeek's fingerprint is cut"
    case "dns" where found["rtt"] == "-" && a != "-" && b == "-":
      return "an answer that cannot be read to its end is a line of its own"
    default: return nil
    }
  }

  private func http(_ field: String, _ a: String, _ b: String) -> String? {
    if field == "password", b == "-" { return "no password is in a record" }
    if expected["status_code"] == "0", expected["status_msg"] == "<empty>" {
      return
        "Zeek takes a request of a version that it does not know for HTTP/0.9, and its answer's head "
        + "for the body"
    }
    if field == "resp_mime_types", a == "text/plain", b == "image/svg+xml" {
      return "Zeek does not tell SVG that has no XML declaration"
    }
    if b == "-", ["host", "user_agent", "referrer"].contains(field),
      expected["version"] != found["version"] || found["uri"]?.hasSuffix("HTTP/1.1") == true
    {
      return "a request line without a version is the whole request"
    }
    return nil
  }

  private func files(_ field: String, _ a: String, _ b: String) -> String? {
    if field == "seen_bytes", let seen = Int(a), let own = Int(b), seen == own + 2,
      expected["source"] == "SMTP"
    {
      return "the line end in front of a boundary is the boundary's (RFC 2046, section 5.1.1)"
    }
    if field == "filename", b == "-", expected["source"] == "HTTP" {
      return "the path of a request is no name of a file"
    }
    if field == "mime_type", a == "application/x-iso9660-image" {
      return "the signature of ISO 9660 stands behind 32 KiB"
    }
    if field == "mime_type", b == "-", expected["source"] == "FTP_DATA" {
      return "what FTP transfers is measured and not looked at"
    }
    if field == "duration", let span = Double(a), let own = Double(b), own > span {
      return "a file's time goes up to the packet that ends it"
    }
    if field == "analyzers", a == "EXTRACT" { return "the test extracts the file" }
    return nil
  }
}
