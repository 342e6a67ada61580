import Testing

@testable import Configuration

@Suite("References to the environment")
struct EnvironmentTests {
  static let environment = ["NAME": "north", "N": "4", "YES": "true", "EMPTY": ""]

  @Test(
    "replaced in every kind of value",
    arguments: [
      ("${NAME}", "north"), ("${NAME:-south}", "north"), ("${GONE:-south}", "south"),
      ("${EMPTY:-south}", "south"), ("a-${NAME}-${N}", "a-north-4"), ("$NAME.x", "$NAME.x"),
      ("x${GONE:-}", "x"), ("\"${NAME}\"", "north"),
    ])
  func texts(_ value: String, _ expected: String) {
    let text = Documents.least.replacing("net_ring0", with: value)
    let result = Documents.load(text, Self.environment)
    #expect(result.settings?.ports[0].device == expected, "\(result.problems)")
  }

  @Test("numbers, flags, choices and lists")
  func kinds() throws {
    let text =
      Documents.least
        + """
        drainSeconds: ${N}
        engine:
          workers: ${N}
          cores: ["${N}", 5, 6, "${SIX:-7}"]
          noHugepages: ${YES}
          polling: ${POLLING:-adaptive}
          ealArguments: ["--log-level=${N}"]
        """
    let settings = try Documents.settings(text, Self.environment)
    #expect(settings.drainSeconds == 4)
    #expect(settings.engine.workers == 4)
    #expect(settings.engine.cores == [4, 5, 6, 7])
    #expect(settings.engine.noHugepages)
    #expect(settings.engine.polling == .adaptive)
    #expect(settings.engine.ealArguments == ["--log-level=4"])
  }

  @Test(
    "wrong references, word by word",
    arguments: [
      ("${GONE}", "needs the environment variable GONE, which is not set"),
      ("${EMPTY}", "needs the environment variable EMPTY, which is not set"),
      ("${NAME", "has a ${ without its }; ${NAME} or ${NAME:-default} would be right"),
      (
        "${}", "has ${}, which names no variable; ${NAME} or ${NAME:-default} would be right"
      ),
      (
        "${NAME-x}",
        "has ${NAME-x}, which names no variable; ${NAME} or ${NAME:-default} would be right"
      ),
      (
        "${1}", "has ${1}, which names no variable; ${NAME} or ${NAME:-default} would be right"
      ),
      ("${GONE:-}", "is empty; a text would be right, or no such key"),
    ])
  func wrong(_ value: String, _ says: String) {
    // The one problem: nobody says that there is no device.
    let text = Documents.least.replacing("net_ring0", with: value)
    #expect(Documents.problems(text, Self.environment) == ["t.yaml:4: ports[0].device: \(says)"])
  }

  @Test("what comes from the environment is checked like anything else")
  func checked() {
    #expect(
      Documents.problems(Documents.least + "engine: { workers: \"${NAME}\" }\n", Self.environment)
        == [
          "t.yaml:5: engine.workers: is \"north\"; a whole number from 1 to 128 would be right"
        ])
    // A value cannot bring in a reference of its own.
    let text = Documents.least.replacing("net_ring0", with: "${A}")
    #expect(Documents.load(text, ["A": "${B}"]).settings?.ports[0].device == "${B}")
  }
}
