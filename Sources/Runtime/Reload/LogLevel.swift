package import Logging
import Synchronization

/// The least that is logged, for every logger of the process, changed while it runs.
package final class LogLevel: Sendable {
  private let value: Mutex<Logger.Level>

  package init(_ level: Logger.Level) { value = Mutex(level) }

  package var level: Logger.Level { value.withLock { $0 } }

  /// Gives the level before.
  @discardableResult
  package func set(_ level: Logger.Level) -> Logger.Level {
    value.withLock { value in
      defer { value = level }
      return value
    }
  }
}

/// A handler that goes by a ``LogLevel``, and leaves the writing to another.
package struct LeveledLogHandler: LogHandler {
  private var base: any LogHandler
  private let shared: LogLevel

  package init(_ base: any LogHandler, level: LogLevel) {
    self.base = base
    // What passes here is to pass there.
    self.base.logLevel = .trace
    shared = level
  }

  /// A logger's own setting is the process's.
  package var logLevel: Logger.Level {
    get { shared.level }
    set { shared.set(newValue) }
  }

  package var metadata: Logger.Metadata {
    get { base.metadata }
    set { base.metadata = newValue }
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { base[metadataKey: key] }
    set { base[metadataKey: key] = newValue }
  }

  package func log(event: LogEvent) { base.log(event: event) }
}
