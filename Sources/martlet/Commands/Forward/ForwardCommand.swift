import ArgumentParser

/// `martlet forward`
struct ForwardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forward",
    abstract: "Carry records from Redis streams to a SIEM, a collector or files.",
    discussion: """
      Reads a sensor's streams as a member of a consumer group and delivers each record at least \
      once: an entry is acknowledged when the target has it, or when it lies in the dead letters. \
      Several forwarders in one group share the work.

      EXAMPLES
        martlet forward elasticsearch https://es.example.net:9200 --ca-file ca.pem
        martlet forward splunk https://hec.example.net:8088 --token-file hec.token
        martlet forward syslog tls://siem.example.net:6514 --type anomaly
        martlet forward kafka broker1:9092,broker2:9092 --where 'app_proto == "tls"'
        martlet forward ipfix collector.example.net:4739 --biflow
        martlet forward file '/srv/flows/{type}-%Y%m%d.ndjson' --compress zstd
        martlet forward null --once              how fast can records be read here?
        martlet forward status                   groups, members, lag, dead letters
        martlet forward dead                     what could not be delivered, and why
        martlet forward dead --replay            once the reason is gone

      EXIT STATUS
        0    ended by SIGTERM, or with --once when everything was delivered
        1    the target's settings cannot work
        64   wrong usage
        69   Redis cannot be reached (with --once, status and dead)
        77   Redis does not let this user in (likewise)
        130  ended by Ctrl-C
      """,
    subcommands: [
      ForwardElasticsearch.self, ForwardSplunk.self, ForwardWebhook.self, ForwardSyslog.self,
      ForwardKafka.self, ForwardNetFlow.self, ForwardIPFIX.self, ForwardFile.self, ForwardNull.self,
      ForwardStatus.self, ForwardDead.self,
    ])
}
