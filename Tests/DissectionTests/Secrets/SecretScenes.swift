import Foundation

/// Conversations with a secret in each place that one can stand in.
enum SecretScenes {
  private static let secret = SecretWatch.secret
  private static let base64 = SecretWatch.base64
  private static let plain64 = SecretWatch.plain64

  private static func scene(_ name: String, _ port: Int, _ greeting: String, _ lines: [String])
    -> SecretScene
  {
    // A line of the client's begins with `>`, all others are the server's.
    let turns = lines.map { line -> Dialogue.Turn in
      line.hasPrefix(">") ? .client(line.dropFirst() + "\n") : .server(line + "\n")
    }
    return SecretScene(name: name, port: port, turns: [.server(greeting + "\n")] + turns)
  }

  /// What servers say of a line that they do not understand; `%` is the line.
  static let echoes: [Int: [String]] = [
    21: ["500 '%': command not understood.", "530-%\r\n530 Login incorrect"],
    25: ["500 5.5.1 Unrecognized command: %", "535-%\r\n535 no"],
    110: ["-ERR Unknown command %", "+OK you said %"],
    143: ["@ BAD Unknown command: %", "@ NO [AUTHENTICATIONFAILED] %", "* OK [ALERT] %\r\n@ NO x"],
    23: ["%", "% incorrect", "login: %"],
  ]

  // MARK: FTP, POP3, IMAP, SMTP, Telnet

  static let text = ftp + pop3 + imap + smtp + telnet

  private static let ftp = [
    "PASS \(secret)", "PAS \(secret)", "PASSW \(secret)", "PSAS \(secret)", "PASS\t\(secret)",
    "P ASS \(secret)", "\(secret)", "\(secret) x", "zQ7x", "QUIT \(secret)", "NOOP \(secret)",
    "USER joe \(secret)", "USER joe PASS \(secret)", "ACCT \(secret)", "SITE PSWD old \(secret)",
    "ADAT \(base64)", "AUTH \(secret)", "CWD ftp://joe:\(secret)@h/",
    "RETR x?token=\(secret)", "\u{7f}PASS \(secret)", "pass:\(secret)",
    "PASS -\(secret)", " PASS \(secret)",
    "zqkx \(secret)", "zQxK",
  ].map { line in
    scene(
      "FTP " + line, 21, "220 FTP server ready",
      [
        ">USER joe", "331 Password required for joe.", ">" + line, "530 Login incorrect.", ">QUIT",
        "221 Goodbye.",
      ])
  }

  private static let pop3 =
    [
      "PASS \(secret)", "PASSW \(secret)", "PAS \(secret)", "PSWD \(secret)", "\(secret)", "zQ7x",
      "zqxk", "APOP joe \(secret)", "APOP \(secret)", "USER joe \(secret)",
      "USER joe PASS \(secret)",
      "QUIT \(secret)", "STAT \(secret)", "RETR \(secret)", "LIST \(secret)", "AUTH \(secret)",
      "AUTH PLAIN \(base64)", "AUTH LOGIN \(plain64)", "TOP 1 \(secret)", "LANG \(secret)",
      "UTF8 \(secret)", "RPOP \(secret)", "PASS\t\(secret)", " PASS \(secret)", "CAPA \(secret)",
    ].map { line in
      scene(
        "POP3 " + line, 110, "+OK POP3 server ready <1.2@h>",
        [">USER joe", "+OK", ">" + line, "-ERR no", ">QUIT", "+OK"])
    } + [
      scene(
        "POP3 login in turns", 110, "+OK POP3 ready",
        [
          ">AUTH LOGIN", "+ VXNlcm5hbWU6", ">am9l", "+ UGFzc3dvcmQ6", ">\(plain64)", "-ERR no",
          ">AUTH PLAIN", "+ ", ">\(base64)", "-ERR no", ">AUTH CRAM-MD5", "+ \(plain64)",
          ">\(plain64)", "+OK",
        ])
    ]

  private static let imap =
    [
      "a1 LOGIN joe \(secret)", "a1 LOGIN \"joe\" \"\(secret)\"", "a1 LOGIN \"joe \(secret)",
      "a1 LOGIN joe@h \"\(secret)", "a1 LOGINN joe \(secret)", "LOGIN joe \(secret)",
      "a1 \(secret)", "\(secret) \(secret)", "joe \(secret)", "\(secret)",
      "a1 LOGIN \(secret)", "login \(secret)", "a1 AUTHENTICATE \(secret)",
      "a1 AUTHENTICATE PLAIN \(base64)", "a1 AUTH PLAIN \(base64)",
      "a1 LOGIN joe\t\(secret)", "a1 LOGIN \\\"joe \(secret)", "a1 UID \(secret) x",
      "a1 UID LOGIN joe \(secret)", "a1 ID (\"name\" \"\(secret)\")",
      "a1 NOOP \(secret)", "a1 LOGIN {3}\njoe \(secret)", "a1 LOGIN {3+}\njoe {12+}\n\(secret)",
      "a1 LOGIN joe {12+}\n\(secret)", "a1 LOGIN {3+}\njoe \"\(secret)\"",
    ].map { line in
      scene(
        "IMAP " + line, 143, "* OK IMAP4rev1 ready",
        [
          ">a0 CAPABILITY", "* CAPABILITY IMAP4rev1", "a0 OK", ">" + line, "a1 NO no", ">a9 LOGOUT",
          "a9 OK",
        ])
    } + [
      scene(
        "IMAP literals", 143, "* OK IMAP4 ready",
        [
          ">a1 LOGIN {3}", "+ go on", ">joe {12}", "+ go on", ">\(secret)", "a1 OK",
          ">a2 LOGIN {3}",
          "a2 BAD no", ">b1 LOGIN joe \(secret)", "b1 OK",
        ]),
      scene(
        "IMAP login in turns", 143, "* OK IMAP4 ready",
        [
          ">a1 AUTHENTICATE LOGIN", "+ VXNlcm5hbWU6", ">am9l", "+ UGFzc3dvcmQ6", ">\(plain64)",
          "a1 NO no", ">a2 AUTHENTICATE PLAIN", "+ ", ">\(base64)", "a2 NO no",
          ">a3 AUTHENTICATE X",
          "a3 BAD", ">a4 LOGIN joe \(secret)", "a4 OK",
        ]),
    ]

  private static let smtp =
    [
      "AUTH PLAIN \(base64)", "AUTH LOGIN \(plain64)", "AUTH \(secret)", "AUTH \(plain64)",
      "\(secret)", "AUHT PLAIN \(base64)", "PASS \(secret)", "AUTH=PLAIN \(base64)",
      "AUTH XOAUTH2 \(base64)", "HELP \(secret)", "MAIL FROM:<joe@h> AUTH=\(secret)",
      "MAIL FROM:joe@h AUTH=\(secret)", "RCPT TO:<x@y> X=\(secret)", "XCLIENT LOGIN=\(secret)",
      "NOOP \(secret)", "MAIL FROM:<http://joe:\(secret)@h>", "RCPT TO:<http://joe:\(secret)@h>",
      "HELO token=\(secret)",
    ].map { line in
      scene(
        "SMTP " + line, 25, "220 h ESMTP",
        [
          ">EHLO joe.example", "250 AUTH PLAIN LOGIN", ">" + line, "535 5.7.8 no", ">QUIT",
          "221 bye",
        ])
    } + [
      scene(
        "SMTP login in turns", 25, "220 h ESMTP",
        [
          ">EHLO joe", "250 ok", ">AUTH LOGIN", "334 VXNlcm5hbWU6", ">am9l", "334 UGFzc3dvcmQ6",
          ">\(plain64)", "535 no", ">AUTH LOGIN", "334 VXNlcm5hbWU6", ">am9l", "334 UGFzc3dvcmQ6",
          ">\(secret)", "535 no", ">AUTH PLAIN", "334", ">\(base64)", "235 ok", ">MAIL FROM:<a@b>",
          "250 ok", ">RCPT TO:<c@d>", "250 ok", ">DATA", "354 go on",
          ">Subject: password=\(secret)\nFrom: <http://joe:\(secret)@h>\nTo: x?token=\(secret)\n"
            + "Message-ID: <token=\(secret)>\nReceived: from h; token=\(secret)\n"
            + "X-Mailer: secret=\(secret)\nContent-Type: text/plain; name=\"token=\(secret)\"\n"
            + "Content-Disposition: attachment; filename=\"token=\(secret)\"\n\n\(secret)\n.",
          "250 ok", ">QUIT", "221",
        ])
    ]

  private static let telnet = [
    scene(
      "Telnet", 23, "Welcome\nlogin: ",
      [
        ">joe", "\nPassword: ", ">\(secret)", "\nLogin incorrect\nlogin: ", ">joe", "Password: ",
        ">\(secret)", "\nLast login: today\n$ ",
      ]),
    scene(
      "Telnet, typed ahead", 23, "Welcome\nlogin: ",
      [
        ">joe\n\(secret)", "\nPassword: ", "\nLogin incorrect\nlogin: ",
        ">joe\n\(secret)\n\(secret)",
        "Password:", "\n$ ",
      ]),
    scene(
      "Telnet, repeated", 23, "login: ",
      [
        ">joe", "joe\nPassword: ", ">\(secret)", "\(secret)\nLogin incorrect\nlogin: ", ">joe",
        "Passwd: ", ">\(secret)", "\nlogin: ", ">joe", "Enter PIN: ", ">\(secret)",
        "\nUsername: ",
      ]),
    scene(
      "Telnet, other words", 23, "User Access Verification\n\nUsername: ",
      [
        ">joe", "Passwort: ", ">\(secret)", "\nUsername: ", ">joe", "\nMot de passe : ",
        ">\(secret)", "% Bad\n",
      ]),
  ]

  // MARK: Bytes

  private static func be16(_ count: Int) -> [UInt8] { [UInt8(count >> 8), UInt8(count & 0xff)] }
  private static func field(_ text: String) -> [UInt8] { be16(text.utf8.count) + Array(text.utf8) }

  private static func mqtt(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
    precondition(body.count < 0x4000)
    let length: [UInt8] =
      body.count < 0x80
      ? [UInt8(body.count)] : [UInt8(body.count & 0x7f) | 0x80, UInt8(body.count >> 7)]
    return [type] + length + body
  }

  private static func connect(_ flags: UInt8, level: UInt8 = 4, _ rest: [UInt8]) -> [UInt8] {
    mqtt(
      0x10, field("MQTT") + [level, flags, 0, 60] + (level == 5 ? [0] : []) + field("id") + rest)
  }

  static let binary: [SecretScene] =
    [
      ("password", connect(0xc2, field("joe") + field(secret))),
      ("a token as the user", connect(0x82, field(secret))),
      ("a password without a user", connect(0x42, field(secret))),
      (
        "will",
        connect(
          0x06, field("t?token=\(secret)") + field("{\"password\": \"\(secret)\", \"a\": 1}"))
      ),
      (
        "authentication data",
        mqtt(
          0x10,
          field("MQTT") + [5, 2, 0, 60]
            + [UInt8(3 + secret.utf8.count + 6), 21] + field("abc")
            + [22] + field(secret) + field("id"))
      ),
    ].map { name, bytes in
      SecretScene(
        name: "MQTT " + name, port: 1883,
        turns: [.clientBytes(bytes), .serverBytes([0x20, 2, 0, 0])])
    } + [
      SecretScene(
        name: "MQTT messages", port: 1883,
        turns: [
          .clientBytes(connect(2, [])), .serverBytes([0x20, 2, 0, 0]),
          .clientBytes(mqtt(0x30, field("t/token=\(secret)") + Array("password=\(secret)".utf8))),
          .clientBytes(
            mqtt(0x30, field("t") + Array("{\"a\":{\"Token\" : \"\(secret)\"}}".utf8))),
          .clientBytes(mqtt(0x82, [0, 1] + field("x?token=\(secret)") + [0])),
          .clientBytes(mqtt(0xa2, [0, 2] + field("x?token=\(secret)"))),
        ])
    ] + snmp + sip + http2

  private static func der(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    [tag, UInt8(content.count)] + content
  }

  private static let snmp = [UInt8(0), 1].map { version in
    SecretScene(
      name: "SNMP v\(version + 1)", port: 161, isUDP: true,
      turns: [
        .clientBytes(
          der(
            0x30,
            der(2, [version]) + der(4, Array(secret.utf8))
              + der(
                0xa0,
                der(2, [1]) + der(2, [0]) + der(2, [0])
                  + der(0x30, der(0x30, der(6, [0x2b, 6, 1]) + der(4, Array(secret.utf8))))))),
        .clientBytes(der(0x30, der(2, [version]) + der(4, Array(secret.utf8)) + [0xa0, 9, 2])),
      ])
  }

  private static let sipText = """
    REGISTER sip:joe:\(secret)@h;token=\(secret) SIP/2.0
    Via: SIP/2.0/UDP h;branch=z9hG4bK1;token=\(secret)
    From: <sip:joe:\(secret)@h>;tag=1;password=\(secret)
    t: "joe" <sips:joe:\(secret)@h?Authorization=\(secret)>
    Call-ID: token=\(secret)
    CSeq: 1 REGISTER
    Contact: <sip:joe:\(secret)@h>,<sip:joe:\(secret)@i>
    User-Agent: password=\(secret)
    Server: password=\(secret)
    Subject: password=\(secret)
    Authorization: Digest username="joe", response="\(secret)"
    Proxy-Authorization: Basic \(SecretWatch.basic)
    WWW-Authenticate: Digest nonce="\(secret)"
    Content-Type: application/sdp;token=\(secret)
    Content-Length: 110

    v=0
    o=- 1 1 IN IP4 h
    s=token=\(secret)
    c=IN IP4 h
    k=clear:\(secret)
    m=audio 1 RTP/AVP 0
    a=crypto:1 x inline:\(secret)

    """

  private static let sip = [true, false].flatMap { isUDP in
    [
      SecretScene(
        name: "SIP \(isUDP)", port: 5060, isUDP: isUDP,
        turns: [
          .client(sipText),
          .server(
            "SIP/2.0 401 token=\(secret)\nVia: SIP/2.0/UDP joe:\(secret)@h\n"
              + "To: sip:joe:\(secret)@h\nContent-Length: 0\n\n"),
        ])
    ]
  }

  // MARK: HTTP/2

  private static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt8, _ body: [UInt8])
    -> [UInt8]
  {
    [0] + be16(body.count) + [type, flags, 0, 0, 0, stream] + body
  }

  /// A field that is not indexed, name and value as they are.
  private static func literal(_ name: String, _ value: String) -> [UInt8] {
    precondition(value.utf8.count < 127)
    return [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)]
      + Array(value.utf8)
  }

  private static let http2: [SecretScene] = [
    SecretScene(
      name: "HTTP/2", port: 80,
      turns: [
        .clientBytes(
          Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0, [])
            + frame(
              1, 5, 1,
              literal(":method", "GET") + literal(":path", "/?token=\(secret)")
                + literal(":authority", "joe:\(secret)@h:80") + literal("host", "joe:\(secret)@h")
                + [
                  "authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token",
                  "x-amz-security-token", "private-token", "sec-websocket-key", "x-csrf-token",
                  "x-vault-token", "x-session-id", "authentication", "x-client-secret",
                  "ocp-apim-subscription-key", "x-password", "x-amz-signature", "cookie2",
                ].flatMap { literal($0, secret) }
                + [
                  "user-agent", "via", "x-forwarded-for", "content-type", "referer", "origin",
                  "x-other", "content-disposition",
                ].flatMap { literal($0, "http://joe:\(secret)@h/?password=\(secret)") }
                + literal("x-token=\(secret)", "a"))),
        .serverBytes(
          frame(4, 0, 0, [])
            + frame(
              1, 5, 1,
              literal(":status", "200")
                + [
                  "set-cookie", "www-authenticate", "proxy-authenticate", "authentication-info",
                ].flatMap { literal($0, "sid=\(secret)") }
                + ["server", "content-type", "location", "content-encoding"].flatMap {
                  literal($0, "http://joe:\(secret)@h/?password=\(secret)")
                })),
      ]),
    SecretScene(
      name: "HTTP/2, CONNECT", port: 80,
      turns: [
        .clientBytes(
          Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0, [])
            + frame(
              1, 4, 1,
              literal(":method", "CONNECT") + literal(":authority", "joe:\(secret)@h:443"))),
        .serverBytes(frame(4, 0, 0, []) + frame(1, 4, 1, literal(":status", "200"))),
      ]),
  ]
}
