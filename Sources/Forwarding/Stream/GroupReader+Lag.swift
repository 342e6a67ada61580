internal import Sinks

extension GroupReader {
  func measureLag(_ client: RedisClient) throws(RedisFault) {
    var lag = ForwardLag()
    lag.streams = streams.count
    lag.entries = 0
    let now = wallMilliseconds()
    for position in try GroupPosition.read(client, streams, group: settings.group) {
      if let unread = position.unread, let total = lag.entries {
        lag.entries = total + unread + position.pending
      } else {
        lag.entries = nil
      }
      if let oldest = position.oldest?.milliseconds, oldest < now {
        lag.seconds = max(lag.seconds, Double(now - oldest) / 1000)
      }
    }
    counters.update { $0.lag = lag }
  }
}
