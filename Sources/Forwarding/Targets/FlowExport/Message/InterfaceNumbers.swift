/// Numbers for the names of interfaces, since flow exports have numbers.
///
/// A number is made of the name, 1 to 65,535, so that it is the same in every run and fits
/// collectors
/// that keep 16 bits. Two names that would get the same one get neighbours, in the order in which
/// they
/// come.
struct InterfaceNumbers {
  private(set) var all: [(name: String, number: UInt32)] = []
  private var numbers: [String: UInt32] = [:]
  private var taken: Set<UInt32> = []

  /// More names than numbers: they are no interfaces' any more. 0 is "not known".
  private static let limit = 4096

  mutating func number(_ name: String) -> UInt32 {
    if let number = numbers[name] { return number }
    guard all.count < Self.limit else { return 0 }
    var number = NameHash.of(name) % 65_535 + 1
    while !taken.insert(number).inserted { number = number % 65_535 + 1 }
    numbers[name] = number
    all.append((name, number))
    return number
  }
}

/// FNV-1a, 32 bits: the same in every run and on every machine.
enum NameHash {
  static func of(_ name: String) -> UInt32 {
    // Wrapping is the algorithm's.
    name.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
  }
}
