import Records

/// Which fields lie in which: see ``EventShape``. Types that are not here have plain members alone, and so
/// have the names that are left out.
enum EventShapes {
  static let texts: [EventType: String] = [
    .dns: """
    version type id flags qr opcode rrname rrname_truncated rrtype rrclass tx_id rcode rtt
    answers[]{\(resource)} authorities[]{\(resource)} additionals[]{\(resource)}
    grouped{
      A[string] AAAA[string] CNAME[string] MX[string] NS[string] NULL[string] PTR[string]
      SOA[]{\(soa)} SRV[]{\(srv)} SSHFP[]{\(sshfp)} TXT[string]
    }
    edns{
      version#2 udp_size do rcode#2 client_subnet client_subnet_scope nsid cookie error error_text
      padding options[integer]
    }
    """,
    .tls: """
    version subject issuerdn serial fingerprint fingerprint_sha256 notbefore notafter cipher
    subjectaltname[string] client_alpns[string] server_alpns[string]
    ja3{hash string} ja3s{hash string}
    client_handshake{
      version#2 ciphers[integer] exts[integer] sig_algs[integer] groups[integer]
      supported_versions[string]
    }
    server_handshake{version#2 cipher#2 group exts[integer]}
    alerts[]{from level description}
    certificates[]{subject#2 fingerprint_sha256#2}
    client{subject issuerdn serial fingerprint fingerprint_sha256 notbefore notafter}
    """,
    .http: """
    content_range{raw start end size}
    cookies[string] set_cookies[string]
    request_headers[]{name value table_size_update}
    response_headers[]{name value table_size_update}
    http2{
      stream_id pushed
      request{settings[]{settings_id settings_value} priority error_code}
      response{settings[]{settings_id settings_value} priority error_code}
    }
    """,
    .quic: """
    client_alpns[string] supported_versions[string] cyu[]{hash string}
    extensions[]{name type values[string]} ja3{hash string} ja3s{hash string}
    """,
    .ssh: """
    client{proto_version software_version hassh{hash string}}
    server{proto_version software_version hassh{hash string}}
    """,
    .smtp: """
    smtp{helo mail_from rcpt_to[string] auth_mechanism}
    email{
      status from to[string] cc[string] bcc[string] reply_to message_id subject x_mailer user_agent
      received[string] x_originating_ip in_reply_to date attachment[string] url[string]
    }
    """,
    .ftp: "completion_code[string] reply[string]",
    .pop3: """
    request{command args[string]} response{success status header data[string] data_bytes}
    """,
    .dhcp: """
    type renewal_time rebinding_time
    dns_servers[string] domain_search[string] routers[string] ntp_servers[string]
    wins_servers[string] options[integer] param_codes[integer] params[string]
    relay_agent{circuit_id remote_id} static_routes[]{destination router}
    relays[]{hops link_ip peer_ip interface_id}
    ia[]{
      type#2 iaid renewal_time rebinding_time
      addresses[]{address preferred_lifetime valid_lifetime}
      prefixes[]{address length preferred_lifetime valid_lifetime}
    }
    """,
    .snmp: """
    vars[string] counts{get_requests get_bulk_requests get_responses set_requests}
    """,
    .sip: """
    via[string]
    sdp{origin session_name connection_data media_descriptions[]{media address port}}
    """,
    .mqtt: """
    connect{
      \(mqttHead) protocol_string protocol_version client_id keep_alive username:string
      flags{username:boolean password will_retain will:boolean clean_session}
      will:object{topic message properties{\(mqttProperties)}} properties{\(mqttProperties)}
    }
    connack{\(mqttHead) session_present return_code properties{\(mqttProperties)}}
    publish{\(mqttHead) topic message_id message_length message properties{\(mqttProperties)}}
    puback{\(mqttReceipt)} pubrec{\(mqttReceipt)} pubrel{\(mqttReceipt)} pubcomp{\(mqttReceipt)}
    subscribe{\(mqttHead) message_id topics[]{topic qos} properties{\(mqttProperties)}}
    suback{\(mqttHead) message_id qos_granted[integer] properties{\(mqttProperties)}}
    unsubscribe{\(mqttHead) message_id topics[string] properties{\(mqttProperties)}}
    unsuback{\(mqttHead) message_id reason_codes[integer] properties{\(mqttProperties)}}
    pingreq{\(mqttHead)} pingresp{\(mqttHead)}
    disconnect{\(mqttHead) reason_code properties{\(mqttProperties)}}
    auth{\(mqttHead) reason_code properties{\(mqttProperties)}}
    """,
    .fileinfo: """
    app_proto http=http smtp=smtp email=email ftp_data=ftp_data imap=imap pop3=pop3 tftp=tftp
    fileinfo{
      filename gaps state sha256 stored size start end tx_id mimetype encoded missing_bytes
    }
    """,
  ]

  private static let soa = "mname rname serial refresh retry expire minimum"
  private static let srv = "priority weight port name"
  private static let sshfp = "fingerprint algo type#2"
  private static let resource = """
    rrname rrname_truncated rrtype rrclass ttl rdata rdata_truncated preference cache_flush
    soa{\(soa)} srv{\(srv)} sshfp{\(sshfp)}
    """

  private static let mqttHead = "qos retain dup truncated skipped_length"
  private static let mqttReceipt =
    "\(mqttHead) message_id reason_code properties{\(mqttProperties)}"
  private static let mqttProperties = """
    payload_format_indicator message_expiry_interval content_type response_topic correlation_data
    subscription_identifier session_expiry_interval assigned_client_identifier server_keep_alive
    authentication_method request_problem_information will_delay_interval
    request_response_information response_information server_reference reason_string
    receive_maximum topic_alias_maximum topic_alias maximum_qos retain_available
    maximum_packet_size wildcard_subscription_available subscription_identifier_available
    shared_subscription_available user_properties[]{name value}
    """
}
