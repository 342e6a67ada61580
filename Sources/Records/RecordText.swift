package import FlowEngine

/// Single values in the records' own form, for tables and messages.
package enum RecordText {
  /// Dotted quad, or RFC 5952's form.
  package static func address(_ address: IPAddress, version: UInt8) -> String {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer in
      var writer = ByteWriter(buffer.baseAddress.unsafelyUnwrapped)
      writer.address(address, version: version)
      let count = writer.cursor - buffer.baseAddress.unsafelyUnwrapped
      return String(decoding: buffer[0..<count], as: UTF8.self)
    }
  }

  /// EVE's `proto`: the name, or the number where Suricata has no name.
  package static func protocolName(_ number: UInt8) -> String {
    FlowWords.proto(number)?.description ?? String(number)
  }

  /// EVE's `flow.state`.
  package static func state(_ state: UInt8) -> String { FlowWords.state(state).description }
}
