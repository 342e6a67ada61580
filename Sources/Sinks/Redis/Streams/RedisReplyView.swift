internal import CHiredis

/// An answer where hiredis holds it, for readers of many entries: what is not wanted is not copied.
///
/// Valid only within the closure that ``RedisClient/withReply(_:)`` calls.
package struct RedisReplyView {
  private let pointer: UnsafeMutablePointer<redisReply>

  init(_ pointer: UnsafeMutablePointer<redisReply>) { self.pointer = pointer }

  package var isNull: Bool { pointer.pointee.type == REDIS_REPLY_NIL }

  /// What an error says; nil for any other answer.
  package var errorText: String? {
    pointer.pointee.type == REDIS_REPLY_ERROR ? pointer.pointee.string : nil
  }

  /// Of an array; 0 for any other answer.
  package var count: Int {
    pointer.pointee.type == REDIS_REPLY_ARRAY ? pointer.pointee.elements : 0
  }

  /// An element of an array; nil where there is none.
  package subscript(index: Int) -> RedisReplyView? {
    guard index >= 0, index < count, let element = pointer.pointee.element[index] else {
      return nil
    }
    return RedisReplyView(element)
  }

  package var copy: RedisReply { RedisReply(pointer.pointee) }

  /// The bytes of a string or status; empty for any other answer.
  package var bytes: UnsafeRawBufferPointer {
    let type = pointer.pointee.type
    guard type == REDIS_REPLY_STRING || type == REDIS_REPLY_STATUS else {
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    return UnsafeRawBufferPointer(start: pointer.pointee.str, count: pointer.pointee.len)
  }

  package var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension RedisClient {
  /// Waits for the next answer and looks at it where it lies.
  package func withReply<Result>(_ body: (RedisReplyView) -> Result) throws(RedisFault) -> Result {
    let reply = try nextReply()
    return body(RedisReplyView(reply.reply))
  }
}
