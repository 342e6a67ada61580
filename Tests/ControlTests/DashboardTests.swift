import Foundation
import Testing

/// config/grafana-dashboard.json, held against what the metrics endpoint says it has.
struct DashboardTests {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  struct Dashboard: Decodable {
    struct Panel: Decodable {
      struct Position: Decodable {
        var x: Int
        var y: Int
        var w: Int
        var h: Int
      }
      struct Target: Decodable {
        var expr: String
      }
      var id: Int
      var type: String
      var title: String
      var gridPos: Position
      var targets: [Target]?
    }
    struct Templating: Decodable {
      struct Variable: Decodable {
        var name: String
        var type: String
      }
      var list: [Variable]
    }
    var schemaVersion: Int
    var uid: String
    var panels: [Panel]
    var templating: Templating
  }

  func dashboard() throws -> (Dashboard, String) {
    let data = try Data(contentsOf: Self.root.appending(path: "config/grafana-dashboard.json"))
    return (
      try JSONDecoder().decode(Dashboard.self, from: data), String(decoding: data, as: UTF8.self)
    )
  }

  @Test func canBeImported() throws {
    let (dashboard, text) = try dashboard()
    #expect(dashboard.schemaVersion >= 39 && dashboard.uid == "martlet")
    let source = try #require(dashboard.templating.list.first)
    #expect(source.name == "datasource" && source.type == "datasource")
    // No data source but the chosen one, and Grafana's own for annotations.
    let sources = Set(text.matches(of: /"uid": "([^"]*)"/).map { String($0.output.1) })
    #expect(sources == ["${datasource}", "-- Grafana --", "martlet"])
    let ids = dashboard.panels.map(\.id)
    #expect(Set(ids).count == ids.count)
  }

  @Test func panelsDoNotOverlap() throws {
    let panels = try dashboard().0.panels
    for (place, panel) in panels.enumerated() {
      let a = panel.gridPos
      #expect(a.x >= 0 && a.x + a.w <= 24, "\(panel.title)")
      for other in panels[..<place] {
        let b = other.gridPos
        let isApart =
          a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y
        #expect(isApart, "\(panel.title) lies on \(other.title)")
      }
    }
  }

  @Test func asksForWhatThereIs() throws {
    let panels = try dashboard().0.panels
    for panel in panels where panel.type != "row" {
      #expect(panel.targets?.isEmpty == false, "\(panel.title)")
      for target in panel.targets ?? [] {
        #expect(target.expr.filter { $0 == "(" }.count == target.expr.filter { $0 == ")" }.count)
        // A counter is of use as a rate only.
        let counters = target.expr.matches(of: /([a-z_(]*)martlet_[a-z_]*_total/)
        #expect(counters.allSatisfy { $0.output.1.hasSuffix("rate(") }, "\(target.expr)")
      }
    }
    let reference = Self.root.appending(path: "docs/metrics.md")
    guard let documented = try? String(contentsOf: reference, encoding: .utf8) else {
      print("SKIPPED: docs/metrics.md is not there; the dashboard was not held against it")
      return
    }
    let names = Set(documented.matches(of: /martlet_[a-z_]+/).map { String($0.output) })
    for panel in panels {
      for target in panel.targets ?? [] {
        for name in target.expr.matches(of: /martlet_[a-z_]+/) {
          #expect(names.contains(String(name.output)), "\(panel.title) asks for \(name.output)")
        }
      }
    }
  }
}
