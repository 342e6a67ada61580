internal import CHiredis

/// An answer of Redis (RESP 2), copied out of hiredis.
package enum RedisReply: Sendable, Equatable {
  case status(String)
  case error(String)
  case integer(Int64)
  case string(String)
  case null
  case array([RedisReply])

  /// The text of a string or status.
  package var text: String? {
    switch self {
    case .status(let text), .string(let text): text
    default: nil
    }
  }

  package var integer: Int64? {
    if case .integer(let value) = self { return value }
    return nil
  }

  package var elements: [RedisReply]? {
    if case .array(let elements) = self { return elements }
    return nil
  }

  init(_ reply: redisReply) {
    switch reply.type {
    case REDIS_REPLY_STATUS: self = .status(reply.string)
    case REDIS_REPLY_ERROR: self = .error(reply.string)
    case REDIS_REPLY_INTEGER: self = .integer(reply.integer)
    case REDIS_REPLY_STRING: self = .string(reply.string)
    case REDIS_REPLY_ARRAY:
      self = .array((0..<reply.elements).map { RedisReply(reply.element[$0]!.pointee) })
    default: self = .null
    }
  }
}

extension redisReply {
  var string: String {
    String(decoding: UnsafeRawBufferPointer(start: str, count: len), as: UTF8.self)
  }
}

/// One answer still in hiredis's memory: for the publisher, which reads a thousand `+QUEUED` a
/// batch and copies none of them.
struct BorrowedReply: ~Copyable {
  let reply: UnsafeMutablePointer<redisReply>

  init(_ reply: UnsafeMutablePointer<redisReply>) { self.reply = reply }

  deinit { freeReplyObject(reply) }

  var isArray: Bool { reply.pointee.type == REDIS_REPLY_ARRAY }
  var isNull: Bool { reply.pointee.type == REDIS_REPLY_NIL }

  /// `+QUEUED`, as each command behind MULTI is answered.
  var isQueued: Bool { reply.pointee.type == REDIS_REPLY_STATUS && reply.pointee.len == 6 }

  var errorText: String? {
    reply.pointee.type == REDIS_REPLY_ERROR ? reply.pointee.string : nil
  }

  var elementCount: Int { isArray ? reply.pointee.elements : 0 }

  /// The text of an element that is an error; nil for any other.
  func elementError(_ index: Int) -> String? {
    guard index < elementCount, let element = reply.pointee.element[index],
      element.pointee.type == REDIS_REPLY_ERROR
    else { return nil }
    return element.pointee.string
  }

  var copy: RedisReply { RedisReply(reply.pointee) }
}
