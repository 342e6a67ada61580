import ControlAPI
import Forwarding
import Testing

@Suite struct EVEDocumentTests {
  @Test func valuesAreFoundByPath() throws {
    let document = try EVEDocument(
      Array(#"{"event_type":"flow","flow":{"bytes_toserver":7}}"#.utf8))
    #expect(document.text(EVEPath("event_type")) == "flow")
    #expect(document.value(EVEPath("flow.bytes_toserver")) != nil)
    #expect(document.value(EVEPath("flow.nothing")) == nil)
  }

  @Test(arguments: ["", "[]", "{", "7", #"{"a":1}x"#])
  func whatIsNoRecordIsRefused(_ text: String) {
    #expect(throws: EVEDocumentError.self) { try EVEDocument(Array(text.utf8)) }
  }
}
