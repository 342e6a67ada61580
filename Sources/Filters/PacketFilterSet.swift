package import FlowEngine
import Synchronization

/// One expression and the link types it has been compiled for so far.
///
/// A reader that meets another link type calls ``extend(to:)`` and goes on with the filter that
/// gives. Filters handed out before stay as they are, and valid, until the set itself is gone.
package final class PacketFilterSet: Sendable {
  /// The expression as it was given.
  package let expression: String

  private struct State {
    var programs: [(linkType: UInt32, program: FilterProgram)]
    /// The storage of every filter handed out; the last one is the current one.
    var storages: [PacketFilterStorage]
  }
  private let state: Mutex<State>

  /// Compiles `expression` for each of `linkTypes` (LINKTYPE_). Throws ``FilterError``.
  package init(
    _ expression: String, linkTypes: [UInt32] = [FilterCompiler.ethernet]
  ) throws(FilterError) {
    self.expression = expression
    var programs: [(linkType: UInt32, program: FilterProgram)] = []
    for linkType in linkTypes where !programs.contains(where: { $0.linkType == linkType }) {
      programs.append((linkType, try FilterCompiler.compile(expression, linkType: linkType)))
    }
    state = Mutex(State(programs: programs, storages: [PacketFilterStorage(programs)]))
  }

  /// The filter for the link types there are; to be used no longer than the set lives.
  package var filter: PacketFilter { state.withLock { $0.storages.last!.filter } }

  /// The link types there are.
  package var linkTypes: [UInt32] { state.withLock { $0.programs.map(\.linkType) } }

  /// The filter for the link types there are and `linkType`. Threads that run an older one are not
  /// disturbed. Throws ``FilterError``, and nothing has changed, where libpcap cannot compile the
  /// expression for that link type.
  @discardableResult
  package func extend(to linkType: UInt32) throws(FilterError) -> PacketFilter {
    let current = filter
    if current.handles(linkType: linkType) { return current }
    // Outside of the lock: it may look names up.
    let program = try FilterCompiler.compile(expression, linkType: linkType)
    return state.withLock { state in
      if !state.programs.contains(where: { $0.linkType == linkType }) {
        state.programs.append((linkType, program))
        state.storages.append(PacketFilterStorage(state.programs))
      }
      return state.storages.last!.filter
    }
  }
}
