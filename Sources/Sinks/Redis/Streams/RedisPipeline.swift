/// Commands on their way to Redis, several to one send; as many answers come back.
package struct RedisPipeline: Sendable {
  package private(set) var bytes: [UInt8] = []
  package private(set) var commandCount = 0

  package init() {}

  package var isEmpty: Bool { commandCount == 0 }

  package mutating func append(_ arguments: String...) { append(arguments) }

  package mutating func append(_ arguments: [String]) {
    bytes.appendRESP(command: arguments)
    commandCount += 1
  }

  /// A command that is written argument by argument: exactly `count` of them must follow.
  package mutating func begin(argumentCount count: Int) {
    bytes.appendRESP(arrayOf: count)
    commandCount += 1
  }

  package mutating func argument(_ text: String) { bytes.appendRESP(text) }

  package mutating func argument(_ value: ArraySlice<UInt8>) { bytes.appendRESP(value) }

  package mutating func argument(_ id: StreamID) {
    bytes.append(UInt8(ascii: "$"))
    let length = decimalDigits(id.milliseconds) + 1 + decimalDigits(id.sequence)
    bytes.appendDecimal(UInt64(length))
    bytes.appendLineEnd()
    bytes.appendDecimal(id.milliseconds)
    bytes.append(UInt8(ascii: "-"))
    bytes.appendDecimal(id.sequence)
    bytes.appendLineEnd()
  }
}

extension RedisClient {
  package func send(_ pipeline: RedisPipeline) throws(RedisFault) { try send(pipeline.bytes) }

  /// Sends all, and waits for as many answers.
  package func commands(_ pipeline: RedisPipeline) throws(RedisFault) -> [RedisReply] {
    try send(pipeline)
    var replies: [RedisReply] = []
    for _ in 0..<pipeline.commandCount { replies.append(try readReply()) }
    return replies
  }
}
