package import ControlAPI

/// Whether rules can be had, without an engine: `martletd --check`, and before a configuration that is read
/// again takes effect.
package enum FilterCheck {
  /// The first rule that cannot, in words; nil where all can.
  package static func problem(_ rules: [FilterRule], portNames: [String]) -> String? {
    guard rules.count <= FilterBook.maximumRules else {
      return "filters: \(rules.count) rules are more than \(FilterBook.maximumRules)"
    }
    var names: Set<String> = []
    for (index, rule) in rules.enumerated() {
      guard names.insert(rule.name).inserted else {
        return "filters[\(index)].name: there is a rule \"\(rule.name)\" before it"
      }
      do throws(RPCError) {
        try FilterBook.examine(rule, portNames: portNames)
      } catch {
        return "filters[\(index)]: \(error.message)"
      }
    }
    return nil
  }
}
