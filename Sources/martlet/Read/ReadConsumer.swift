import FlowEngine
import Records
import Runtime
import Synchronization

/// The publisher's thread meets the command's outputs here.
final class ReadConsumer: RecordConsumer, @unchecked Sendable {
  private let outputs: [any RecordOutput]
  /// That they write to, where it is one.
  private let folder: OutputFolder?
  /// On a pipe or a terminal records are shown as they come; a file gets large pieces.
  private let isEager: Bool
  /// A reader of records who has seen enough ends the run; not where there is more to it.
  private let mayEndEarly: Bool
  private let flows = Atomic<UInt64>(0)
  private let broken = Atomic<Bool>(false)
  private let failure = Mutex<OutputError?>(nil)

  init(
    _ outputs: [any RecordOutput], folder: OutputFolder? = nil, isEager: Bool, mayEndEarly: Bool
  ) {
    self.outputs = outputs
    self.folder = folder
    self.mayEndEarly = mayEndEarly
    self.isEager = isEager
  }

  var flowCount: UInt64 { flows.load(ordering: .relaxed) }
  /// An output can take no more: there is no use in going on.
  var isBroken: Bool { broken.load(ordering: .relaxed) }
  var error: OutputError? {
    failure.withLock { $0 } ?? folder?.error ?? outputs.lazy.compactMap(\.error).first
  }

  func take(_ record: UnsafePointer<FlowRecord>) {
    folder?.clear()
    if record.pointee.kind == FlowRecordKind.flow { flows.wrappingAdd(1, ordering: .relaxed) }
    for output in outputs { output.take(record) }
  }

  func leaveOut(_ record: UnsafePointer<FlowRecord>) {
    for output in outputs { output.leaveOut(record) }
  }

  func take(_ event: EventRecord) {
    folder?.clear()
    for output in outputs { output.take(event) }
  }

  func pause() {
    if isEager { for output in outputs { output.flush() } }
    if folder?.error != nil
      || outputs.contains(where: { $0.error != nil || (mayEndEarly && $0.isUnwanted) })
    {
      broken.store(true, ordering: .relaxed)
    }
  }

  func failed(_ code: Int32) {
    failure.withLock {
      $0 = $0 ?? OutputError("the temporary file in \(TemporaryFile.folder) for --where", code)
    }
    broken.store(true, ordering: .relaxed)
  }

  func finish() {
    folder?.clear()
    for output in outputs { output.finish() }
  }
}
