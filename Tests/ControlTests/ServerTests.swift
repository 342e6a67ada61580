import ControlAPI
import ControlServer
import Foundation
import Testing

/// The server over its real socket.
struct ServerTests {
  @Test func answersEveryMethod() throws {
    let engine = StubEngine()
    try withServer(engine: engine) { path in
      let client = try ControlClient(socketPath: path)
      #expect(try client.call(.engineStatus, as: EngineStatus.self) == SampleData.status())
      #expect(
        try client.call(.statsGet, as: EngineStats.self) == SampleData.stats(uptimeSeconds: 3725))
      let parameters = FlowsTopParameters(count: 7, by: .packets)
      #expect(
        try client.call(.flowsTop, parameters, as: FlowsTop.self)
          == SampleData.topFlows(parameters, uptimeSeconds: 3725))
      let version = try client.call(.rpcVersion, as: VersionInfo.self)
      #expect(version.api == "1.2" && version.jsonrpc == "2.0" && version.martlet == "0.1.0")
      #expect(version.methods.contains("flows.top"))
      #expect(engine.shutdownsRequested == 0)
      #expect(try client.call(.engineShutdown, as: ShutdownAnswer.self).state == .draining)
      #expect(engine.shutdownsRequested == 1)
    }
  }

  @Test func tunesByNameAndByPosition() throws {
    let engine = StubEngine()
    try withServer(engine: engine) { path in
      let client = try RawClient(path)
      for params in [
        #"{"key":"engine.polling","value":"busy"}"#, #"["maximumSleepMicroseconds",30]"#,
        #"["flows.timeouts.tcpSeconds",0.5]"#,
      ] {
        let answer = try client.ask(
          #"{"jsonrpc":"2.0","id":1,"method":"tuning.set","params":\#(params)}"#)
        #expect(answer["result"] != nil, "\(params): \(answer.text)")
      }
      #expect(
        engine.tuningAsked == [
          .init(key: "engine.polling", value: .text("busy")),
          .init(key: "maximumSleepMicroseconds", value: .integer(30)),
          .init(key: "flows.timeouts.tcpSeconds", value: .number(0.5)),
        ])
      let listed = try ControlClient(socketPath: path).call(.tuningGet, as: TuningList.self)
      #expect(listed.tunables == [SampleData.polling])
      for (params, message) in [
        (#"["a"]"#, "parameter value is missing"),
        (#"["a",[1]]"#, "value must be a number or a string"),
        (#"["a",true]"#, "value must be a number or a string"),
        (
          #"{"key":"a","value":1,"vaule":2}"#,
          #"unknown parameter "vaule"; tuning.set takes key, value"#
        ),
      ] {
        let answer = try client.ask(
          #"{"jsonrpc":"2.0","id":1,"method":"tuning.set","params":\#(params)}"#)
        #expect(answer.errorCode == -32602)
        #expect(answer["error"]?["message"] == .string(message))
      }
      #expect(engine.tuningAsked.count == 3)
    }
  }

  @Test func parametersByNamePositionAndDefault() throws {
    let engine = StubEngine()
    try withServer(engine: engine) { path in
      let client = try RawClient(path)
      for params in [
        "", #","params":{}"#, #","params":[]"#, #","params":[5]"#, #","params":[5,"bytes"]"#,
        #","params":[null,"packets"]"#, #","params":{"by":"packetRate","count":1000}"#,
      ] {
        let answer = try client.ask(#"{"jsonrpc":"2.0","id":1,"method":"flows.top"\#(params)}"#)
        #expect(answer["result"] != nil, "\(params): \(answer.text)")
      }
      #expect(
        engine.topFlowsAsked == [
          .init(), .init(), .init(), .init(count: 5), .init(count: 5, by: .bytes),
          .init(by: .packets), .init(count: 1000, by: .packetRate),
        ])
    }
  }

  @Test(arguments: [
    (#"{"cuont":3}"#, #"unknown parameter "cuont"; flows.top takes count, by, key, where"#),
    (#"{"count":0}"#, "count is 0, but must be 1 to 1000"),
    (#"{"count":1001}"#, "count is 1001, but must be 1 to 1000"),
    (#"{"count":"3"}"#, "count must be a whole number"),
    (#"{"count":true}"#, "count must be a whole number"),
    (#"{"by":"size"}"#, #"by is "size", but must be one of bytes, packets, rate, packetRate"#),
    (#"{"by":4}"#, "by must be a string"),
    (
      "[1,\"bytes\",\"flow\",\"\",5]",
      "5 parameters are too many; flows.top takes count, by, key, where"
    ),
  ])
  func wrongParametersAreNamed(params: String, message: String) throws {
    try withServer { path in
      let answer = try RawClient(path).ask(
        #"{"jsonrpc":"2.0","id":1,"method":"flows.top","params":\#(params)}"#)
      #expect(answer.errorCode == -32602)
      #expect(answer["error"]?["message"] == .string(message))
      #expect(answer["error"]?["data"] != nil)
    }
  }

  @Test(arguments: ["1.5", "1e99", "123456789012345678901234567890"])
  func numbersThatDoNotFitAreRefused(count: String) throws {
    try withServer { path in
      let answer = try RawClient(path).ask(
        #"{"jsonrpc":"2.0","id":1,"method":"flows.top","params":{"count":\#(count)}}"#)
      #expect(answer.errorCode == -32602, "\(answer.text)")
    }
  }

  @Test func methodsWithoutParametersTakeNone() throws {
    try withServer { path in
      let client = try RawClient(path)
      let answer = try client.ask(
        #"{"jsonrpc":"2.0","id":1,"method":"engine.shutdown","params":{"force":true}}"#)
      #expect(answer.errorCode == -32602)
      #expect(
        answer["error"]?["message"]
          == #"unknown parameter "force"; engine.shutdown takes none"#)
    }
  }

  @Test func failureOfTheEngineIsAnInternalError() throws {
    try withServer(engine: StubEngine(statsFail: true)) { path in
      let client = try RawClient(path)
      let answer = try client.ask(#"{"jsonrpc":"2.0","id":1,"method":"stats.get"}"#)
      #expect(answer.errorCode == -32603)
      #expect(try client.ask(#"{"jsonrpc":"2.0","id":2,"method":"engine.status"}"#)["id"] == 2)
    }
  }

  @Test func pipelinedMessagesAreAnsweredInOrder() throws {
    try withServer { path in
      let client = try RawClient(path)
      let count = 500
      var text = ""
      for id in 0..<count {
        text += #"{"jsonrpc":"2.0","id":\#(id),"method":"nope"}"# + (id % 2 == 0 ? "\n" : "\r\n\n")
      }
      client.send(text)
      for id in 0..<count {
        #expect(try client.answer()["id"] == .number(String(id)))
      }
    }
  }

  @Test func messageInPieces() throws {
    try withServer { path in
      let client = try RawClient(path)
      for byte in Array(#"{"jsonrpc":"2.0","id":"é","method":"nope"}"#.utf8) {
        client.send([byte])
      }
      client.send("\n")
      #expect(try client.answer()["id"] == "é")
    }
  }

  @Test func lastLineNeedsNoEnd() throws {
    try withServer { path in
      let client = try RawClient(path)
      client.send(
        #"{"jsonrpc":"2.0","id":1,"method":"nope"}"# + "\n"
          + #"{"jsonrpc":"2.0","id":2,"method":"nope"}"#)
      client.finishSending()
      #expect(try client.answer()["id"] == 1)
      #expect(try client.answer()["id"] == 2)
      #expect(try client.line() == nil)
    }
  }

  @Test func notificationIsCarriedOutWithoutAnswer() throws {
    let engine = StubEngine()
    try withServer(engine: engine) { path in
      let client = try RawClient(path)
      client.send(#"{"jsonrpc":"2.0","method":"engine.shutdown"}"# + "\n")
      #expect(try client.ask(#"{"jsonrpc":"2.0","id":9,"method":"nope"}"#)["id"] == 9)
      #expect(engine.shutdownsRequested == 1)
    }
  }

  @Test func stopLetsAnAnswerOut() throws {
    let directory = try TestDirectory()
    let server = ControlServer(
      engine: StubEngine(delaySeconds: 0.3), socketPath: directory.socketPath, logger: quietLogger)
    try server.start()
    let client = try RawClient(directory.socketPath)
    client.send(#"{"jsonrpc":"2.0","id":1,"method":"engine.status"}"# + "\n")
    Thread.sleep(forTimeInterval: 0.1)
    server.stop()
    #expect(try client.answer()["result"]?["sensor"] == "edge1")
    #expect(try client.line() == nil)
    #expect(!FileManager.default.fileExists(atPath: directory.socketPath))
    server.stop()
  }
}
