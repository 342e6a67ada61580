/// How grave a message is (RFC 5424 section 6.2.1, table 2).
package enum SyslogSeverity: String, CaseIterable, Sendable {
  case emergency = "emerg"
  case alert
  case critical = "crit"
  case error = "err"
  case warning
  case notice
  case informational = "info"
  case debug

  /// 0 for the gravest.
  package var code: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// Which part of a system speaks (RFC 5424 section 6.2.1, table 1).
package enum SyslogFacility: String, CaseIterable, Sendable {
  case kern, user, mail, daemon, auth, syslog, lpr, news, uucp, cron, authpriv, ftp, ntp
  case audit, alert, clock
  case local0, local1, local2, local3, local4, local5, local6, local7

  package var code: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
