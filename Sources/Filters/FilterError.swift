/// Why an expression gives no filter.
package struct FilterError: Error, Equatable, CustomStringConvertible {
  /// The expression as it was given.
  package var expression: String
  /// The LINKTYPE_ it was compiled for.
  package var linkType: UInt32
  /// That link type's name as libpcap has it, without `DLT_`; nil where it knows none.
  package var linkTypeName: String?
  /// What is wrong, in libpcap's words where they are its own.
  package var reason: String

  /// `filter "tcp prot 80": syntax error`; link types other than Ethernet are named.
  package var description: String {
    let name = linkTypeName.map { " (\($0))" } ?? ""
    let place = linkType == FilterCompiler.ethernet ? "" : " on link type \(linkType)\(name)"
    return "filter \"\(expression)\"\(place): \(reason)"
  }
}
