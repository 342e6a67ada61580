import FlowEngine
import Foundation
import Testing

@testable import Records

@Suite struct FieldsTests {
  @Test func everyRecordHasTheSameNamesInTheSameOrder() throws {
    let names = FlowField.allCases.compactMap(\.definition.name)
    #expect(Set(names).count == names.count)
    var offline = context
    offline.includesSequence = false
    offline.portNames = []
    for (sample, record) in sampleFlows() {
      for context in [context, offline] {
        let (bytes, entry) = encode(record, .fields, context: context)
        #expect(try pairs(bytes).map(\.name) == names, "\(sample)")
        #expect(entry.fieldCount == names.count)
      }
    }
  }

  @Test func valuesAreThoseOfEVE() throws {
    for (sample, record) in sampleFlows() {
      let json = try object(encode(record).bytes)
      let values = Dictionary(
        uniqueKeysWithValues: try pairs(encode(record, .fields).bytes).map { ($0.name, $0.value) })
      for field in FlowField.allCases {
        guard let name = field.definition.name else { continue }
        #expect(values[name] == flat(json, field.definition.path), "\(sample): \(name)")
      }
    }
  }

  @Test func statsAsFields() throws {
    let names = StatsField.allCases.compactMap(\.definition.name)
    #expect(Set(names).count == names.count)
    let json = try object(encode(sampleStats()).bytes)
    for stats in [sampleStats(), StatsRecord(timestampNanoseconds: 0)] {
      let (bytes, entry) = encode(stats, .fields)
      #expect(try pairs(bytes).map(\.name) == names)
      #expect(entry.fieldCount == names.count)
    }
    let values = Dictionary(
      uniqueKeysWithValues: try pairs(encode(sampleStats(), .fields).bytes).map {
        ($0.name, $0.value)
      })
    for field in StatsField.allCases {
      guard let name = field.definition.name, let value = values[name] else { continue }
      if field.definition.kind == .object || field.definition.path.hasSuffix("{}") {
        let inner = try JSONSerialization.jsonObject(with: Data(value.utf8))
        #expect("\(inner)".isEmpty == false)
      } else {
        #expect(value == flat(json, field.definition.path), "\(name)")
      }
    }
  }

  /// What EVE has at a path, as flat text; empty where it has nothing.
  private func flat(_ json: [String: Any], _ path: String) -> String {
    var value: Any? = json
    for part in path.filter({ !"[]{}".contains($0) }).split(separator: ".") {
      value = (value as? [String: Any])?[String(part)]
    }
    switch value {
    case let list as [Any]: return list.map { "\($0)" }.joined(separator: ",")
    case let number as NSNumber
    where path.hasSuffix("fragmented") || path.hasSuffix("partial"):
      return number.boolValue ? "true" : "false"
    case let number as NSNumber: return number.stringValue
    case let text as String: return text
    default: return ""
    }
  }
}
