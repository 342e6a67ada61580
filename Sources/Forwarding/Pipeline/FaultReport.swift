/// Says a fault when it comes, each minute while it lasts, and when it is over.
struct FaultReport {
  private static let repeatSeconds = 60.0
  private let subject: String
  private var since: Double?
  private var saidAt = 0.0
  private var said = ""

  /// - Parameter subject: `Redis`, `elasticsearch at https://…`.
  init(_ subject: String) { self.subject = subject }

  /// What to log of a fault at this moment; nil where it has been said already.
  mutating func failed(_ text: String, now: Double) -> String? {
    guard let since else {
      since = now
      saidAt = now
      said = text
      return "\(subject): \(text); trying again"
    }
    let isNews = text != said && now - saidAt >= 1
    guard isNews || now - saidAt >= Self.repeatSeconds else { return nil }
    saidAt = now
    said = text
    return "\(subject): for \(Self.duration(now - since)) now: \(text)"
  }

  /// What to log when it works (again); nil where nothing was wrong.
  mutating func worked(now: Double) -> String? {
    guard let since else { return nil }
    self.since = nil
    return "\(subject): works again after \(Self.duration(now - since))"
  }

  private static func duration(_ seconds: Double) -> String {
    let whole = Int(seconds)
    return whole < 120 ? "\(whole) s" : "\(whole / 60) min \(whole % 60) s"
  }
}
